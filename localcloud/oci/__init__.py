"""Images as the OCI describes them: references, the registry's HTTP API, and safe unpacking of layers."""
