"""The process engine: it takes the Docker client's place inside the emulator, and a "container" is a process.

Scheduling, secrets, logs, target registration, rolling update, circuit breaker and rollback stay the emulator's own.
"""
