"""How long `terraform validate` of all modules and stacks takes, two at a time. Prints a table.

Run it with `./inv bench terraform_validate`. `terraform init` is part of each figure; the wall time of the whole, as a
median of the rounds, is held against its limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.terraform.units import UNITS, Outcome, Runner

LIMIT_SECONDS = 10.0
AT_ONCE = 2


def timed(check: Callable[[str], Outcome], unit: str) -> float:
    """Seconds that one unit takes; it has to be valid."""
    started = time.perf_counter()
    outcome = check(unit)
    if outcome.status != 0:
        raise SystemExit(f"{unit} is not valid:\n{outcome.text}")
    return time.perf_counter() - started


def measure() -> tuple[dict[str, float], float]:
    """Seconds of each unit, and of all together."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        runner = Runner(Path(directory))
        started = time.perf_counter()
        seconds = dict(zip(UNITS, pool.map(lambda unit: timed(runner.validate, unit), UNITS), strict=True))
        return seconds, time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is validated")
    rounds = [measure() for _ in range(parser.parse_args().rounds)]
    table = Table("module or stack", "seconds (median)")
    for unit in UNITS:
        table.add_row(unit, f"{statistics.median(seconds[unit] for seconds, _ in rounds):.2f}")
    total = statistics.median(total for _, total in rounds)
    table.add_section()
    table.add_row(f"all {len(UNITS)}, {AT_ONCE} at a time (at most {LIMIT_SECONDS:.0f})", f"{total:.2f}")
    Console().print(table)
    return 0 if total <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
