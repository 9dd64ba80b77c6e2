"""Images of agents: which version, what is in them, how they are made and pushed."""

from ops.images.build import Image, build
from ops.images.push import push
from ops.images.version import version_of

__all__ = ["Image", "build", "push", "version_of"]
