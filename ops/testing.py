"""Running the tests, in an environment of their own."""

from __future__ import annotations

import os
import subprocess

from ops.bootstrap import bare_environment, environment
from ops.console import Console
from ops.paths import ROOT, TOOLS


def run(console: Console, *, complete: bool, only: str, arguments: str) -> int:
    """Lint and test; returns the exit status. `complete` lets no test be skipped (CI)."""
    with console.step("Prepare the environments of the tests") as step:
        python = environment("test", step.progress)
        localcloud = environment("localcloud", step.progress)
        bare_environment()
        from localcloud.provider import mirror

        mirror.ensure(TOOLS, localcloud, progress=step.progress)
    style = lint(console, fix=False)
    variables = {**os.environ, "VITRACKA_COMPLETE": "1" if complete else ""}
    places = [f"tests/{only}"] if only else ["tests"]
    command = [python, "-m", "pytest", *places, *arguments.split()]
    tests = subprocess.run([*map(str, command)], cwd=ROOT, check=False, env=variables).returncode
    return style or tests


def lint(console: Console, *, fix: bool) -> int:
    """Check the style, or mend it; returns the exit status."""
    ruff = str(environment("test", console.line).parent / "ruff")
    check = [ruff, "check", "--quiet", *(["--fix"] if fix else []), "."]
    layout = [ruff, "format", "--quiet", *([] if fix else ["--check"]), "."]
    with console.step("Check the style"):
        return max(subprocess.run(command, cwd=ROOT, check=False).returncode for command in (check, layout))
