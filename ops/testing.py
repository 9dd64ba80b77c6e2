"""Running the tests, in an environment of their own."""

from __future__ import annotations

import ast
import os
import subprocess

from ops.bootstrap import bare_environment, environment
from ops.console import Console
from ops.errors import OpsError
from ops.paths import ROOT
from ops.stacks import offline_provider


def run(console: Console, *, complete: bool, only: str, arguments: str) -> int:
    """Lint and test; returns the exit status. `complete` lets no test be skipped (CI)."""
    with console.step("Prepare the environments of the tests") as step:
        python = environment("test", step.progress)
        bare_environment()
        offline_provider(step.progress)
        if complete:
            environment(
                "bench", step.progress
            )  # the runtime's peer, which the contract tests compare it with
    style = lint(console, fix=False)
    variables = {**os.environ, "VITRACKA_COMPLETE": "1" if complete else ""}
    places = [f"tests/{only}"] if only else ["tests"]
    # By group: the tests that share one deployed checkout stay in one process, in their order.
    parallel = ["--numprocesses", "auto", "--dist", "loadgroup"]
    command = [python, "-m", "pytest", "--quiet", *parallel, *places, *arguments.split()]
    tests = subprocess.run([*map(str, command)], cwd=ROOT, check=False, env=variables).returncode
    return style or tests


def lint(console: Console, *, fix: bool) -> int:
    """Check the style, or mend it; returns the exit status."""
    ruff = str(environment("test", console.line).parent / "ruff")
    check = [ruff, "check", "--quiet", *(["--fix"] if fix else []), "."]
    layout = [ruff, "format", "--quiet", *([] if fix else ["--check"]), "."]
    with console.step("Check the style"):
        return max(subprocess.run(command, cwd=ROOT, check=False).returncode for command in (check, layout))


def bench(console: Console, name: str, arguments: str) -> int:
    """Run one benchmark of `tests/bench`, or list them; returns the exit status. Raises OpsError."""
    there = {path.stem: path for path in sorted((ROOT / "tests" / "bench").glob("[!_]*.py"))}
    if name == "list":
        for path in there.values():
            console.line(f"{path.stem:<20} {ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]}")
        return 0
    if name not in there:
        raise OpsError(f'There is no benchmark "{name}".', next_step=f"choose one of: {', '.join(there)}")
    command = [str(environment("test", console.line)), str(there[name]), *arguments.split()]
    return subprocess.run(
        command, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ).returncode
