"""Ten thousand cases that nobody thought of: no 500, no status outside the contract, no hang, no line that is not one.

Run it with `./inv bench fuzz`. `./inv test` sends some hundreds of the same.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.unit.agent_runtime import fuzz_kit
from tests.unit.agent_runtime.conftest import Script, harness


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="in all; half of them from each generator")
    cases = parser.parse_args().cases // 2
    os.environ["AGENT_TEST_CANARY"] = fuzz_kit.CANARY
    table = Table("generator", "cases", "seconds", "statuses", title="no case broke the contract")
    for name, send in (
        ("hypothesis: bodies and headers", fuzz_kit.fields),
        ("Schemathesis", fuzz_kit.document),
    ):
        began = time.perf_counter()
        seen: Counter[int] = send(harness(Script.says("Hi.")), cases)
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(seen.items()))
        table.add_row(name, str(seen.total()), f"{time.perf_counter() - began:.0f}", statuses)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
