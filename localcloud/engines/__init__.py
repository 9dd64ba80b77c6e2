"""What runs the emulator's ECS tasks: containers of a Docker engine, or processes of this machine."""
