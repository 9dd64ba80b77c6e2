"""The Docker engine: the emulator's tasks are containers of a Docker engine on this machine, on the host's network.

Everything around the container (waiting for health, addresses, crash back-off, stop order) is the process engine's.
"""

from localcloud.engines.docker.client import DockerTasks

__all__ = ["DockerTasks"]
