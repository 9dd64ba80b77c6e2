"""The provider's schema: read from the generated bindings on PyPI, cached as one protobuf message and one line
per type."""
