"""`./inv dev`: one agent on this machine, picked up anew whenever a file of it is saved. No Terraform, no emulator."""

from ops.dev.run import Options, develop

__all__ = ["Options", "develop"]
