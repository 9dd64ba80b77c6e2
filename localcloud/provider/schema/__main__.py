"""`python -m localcloud.provider.schema PACKAGE DIRECTORY`: extracts the schema; used by the mirror on first use."""

from __future__ import annotations

import sys
from pathlib import Path

from localcloud.provider.schema import cache


def main() -> int:
    package, directory = map(Path, sys.argv[1:3])
    print(f"schema of {cache.build(package, directory)} types")
    return 0


if __name__ == "__main__":
    sys.exit(main())
