"""How long a person waits: fresh clone to a verified answer, and each deploy after that. Prints a table.

Run it with `./inv bench deploy`. Each figure is a median; the first clone is measured with empty caches of our own
(`.venv`, `.tools`, `.local`) and with an empty cache of the installer, so that every package is fetched again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]


def run(root: Path, *arguments: str, **extra: str) -> float:
    """Seconds of one `./inv ...`, which must succeed."""
    environment = {name: value for name, value in os.environ.items() if name != "VITRACKA_LOCAL_DIR"}
    started = time.perf_counter()
    done = subprocess.run(
        [str(root / "inv"), *arguments],
        cwd=root,
        env={**environment, **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"./inv {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return seconds


def clone(target: Path) -> None:
    """The committed state of this checkout, as a new user gets it."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--fresh-rounds", type=int, default=1, help="rounds of the fresh clone, which fetch everything"
    )
    options = parser.parse_args()
    fresh, second, changed, overhead = [], [], [], []
    for number in range(max(options.rounds, options.fresh_rounds)):
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            root = Path(scratch) / "clone"
            try:
                if number < options.fresh_rounds or number == 0:
                    cache = {
                        "UV_CACHE_DIR": str(Path(scratch) / "uv"),
                        "PIP_CACHE_DIR": str(Path(scratch) / "pip"),
                    }
                    started = time.perf_counter()
                    clone(root)
                    run(root, "deploy", "--env", "local", **cache)
                    fresh.append(time.perf_counter() - started)
                else:
                    clone(root)
                    run(root, "deploy", "--env", "local")
                second.append(run(root, "deploy", "--env", "local"))
                tools = root / "agents/test_agent/tools.py"
                tools.write_text(tools.read_text().replace('"""', f'"""Round {number}. ', 1))
                changed.append(run(root, "deploy", "--env", "local"))
                python = root / ".venv/bin/python"
                bare = time.perf_counter()
                subprocess.run([python, "-m", "invoke", "--list"], cwd=root, check=True, capture_output=True)
                bare = time.perf_counter() - bare
                overhead.append(run(root, "--list") - bare)
            finally:
                if (root / ".venv").exists():
                    subprocess.run(
                        [str(root / "inv"), "local-reset"], cwd=root, capture_output=True, check=False
                    )
                shutil.rmtree(root, ignore_errors=True)
    table = Table("what", "median s", "all", "at most")
    for what, values, limit in (
        ("fresh clone to verified answer, empty caches", fresh, 120),
        ("second deploy, nothing changed", second, 15),
        ("deploy after a change to the agent's code", changed, 25),
        ("what ./inv adds to invoke", overhead, 0.3),
    ):
        shown = " ".join(f"{value:.2f}" for value in values)
        table.add_row(what, f"{statistics.median(values):.2f}", shown, f"{limit}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
