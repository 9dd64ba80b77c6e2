"""`python -m localcloud.provider SCHEMA_DIRECTORY`: what the mirror's launcher starts for Terraform."""

from __future__ import annotations

import logging
import sys
from pathlib import Path


def main() -> None:
    from localcloud.provider.schema.cache import SchemaCache
    from localcloud.provider.server import serve
    from localcloud.provider.service import ProviderService

    # standard error goes to Terraform's log (TF_LOG_PROVIDER)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="[%(levelname)s] %(name)s: %(message)s")
    serve(ProviderService(SchemaCache(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
