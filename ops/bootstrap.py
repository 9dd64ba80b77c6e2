"""Python environments made from hash-locked requirements through uv. Standard library only: `inv` runs it first.

An environment is complete when its `.ready` file holds the hash of the requirements it was made from. That file
is written last, so one that was interrupted or tampered with is made again from nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ops.pip_settings import uv_environment

ROOT = Path(__file__).resolve().parent.parent
Say = Callable[[str], None]


class SetupError(Exception):
    """The set-up could not be completed; the message says why and what to do."""


def requirements_file(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(name: str) -> str:
    return hashlib.sha256(requirements_file(name).read_bytes()).hexdigest()


def is_ready(name: str, target: Path) -> bool:
    """Whether `target` was completed from the requirements `name` as they are now."""
    try:
        return python_of(target).exists() and (target / ".ready").read_text() == fingerprint(name)
    except OSError:
        return False


def environment(name: str, say: Say = lambda line: None) -> Path:
    """The interpreter of the tool environment `name` in `.tools/venvs`, which is made when it isn't there.

    Raises SetupError.
    """
    target = ROOT / ".tools" / "venvs" / name
    make_environment(name, target, say)
    return python_of(target)


def bare_environment() -> Path:
    """An interpreter that sees the standard library alone, so that a dependency missing in a bundle shows."""
    target = ROOT / ".tools" / "venvs" / "bare"
    if not python_of(target).exists():
        with _exclusive(target):
            if not python_of(target).exists():
                _run([_uv(lambda line: None), "venv", "--quiet", "--python", _base_python(), str(target)])
    return python_of(target)


def make_environment(name: str, target: Path, say: Say) -> None:
    """Make `target` from `requirements/<name>.txt` unless it is complete already. Raises SetupError."""
    if is_ready(name, target):
        return
    with _exclusive(target):
        if is_ready(name, target):
            return
        started = time.monotonic()
        half_made = target.exists()
        what = "making again (it was out of date or half-made)" if half_made else "making"
        say(f"{what} {target.relative_to(ROOT)} from requirements/{name}.txt")
        try:
            if half_made:
                shutil.rmtree(target)
            uv = _uv(say)
            _run([uv, "venv", "--quiet", "--python", _base_python(), str(target)])
            _run(
                [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
                + ["--python", str(python_of(target)), str(requirements_file(name))],
                environment=uv_environment(os.environ),
            )
            (target / ".ready").write_text(fingerprint(name))
        except OSError as error:
            raise SetupError(f"{target.relative_to(ROOT)} could not be made: {error}.") from error
        say(f"{target.relative_to(ROOT)} is ready ({time.monotonic() - started:.1f} s)")


def uv_command() -> str:
    """Path of uv: the one on PATH, else our own. Raises SetupError."""
    return _uv(lambda line: None)


def _base_python() -> str:
    """The interpreter itself, not that of a virtual environment that may be active."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _uv(say: Say) -> str:
    """uv at the locked version: ours in `.tools/uv`, installed by pip with its hash checked."""
    target = ROOT / ".tools" / "uv"
    binary = target / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    if (target / ".ready").exists() and (target / ".ready").read_text() == fingerprint("uv"):
        return str(binary)
    with _exclusive(target):
        if (target / ".ready").exists() and (target / ".ready").read_text() == fingerprint("uv"):
            return str(binary)
        say("fetching uv, the installer, with its checksum verified")
        shutil.rmtree(target, ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            base = _base_python()
            pip = [base, "-m", "pip"]
            if subprocess.run([*pip, "--version"], capture_output=True).returncode != 0:
                # Debian ships python3 without pip; a virtual environment brings its own.
                _run([base, "-m", "venv", scratch])
                pip = [str(python_of(Path(scratch))), "-m", "pip"]
            _run(
                [*pip, "install", "--quiet", "--require-hashes", "--no-deps", "--disable-pip-version-check"]
                + ["--target", str(target), "-r", str(requirements_file("uv"))]
            )
        (target / ".ready").write_text(fingerprint("uv"))
    return str(binary)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SetupError(
            f"`{Path(command[0]).name} {' '.join(command[1:4])} ...` failed:\n  "
            + "\n  ".join(lines[-12:])
            + "\nWhat helps: check the network and pip's settings (`pip config list`), then run the same again."
        )


@contextlib.contextmanager
def _exclusive(target: Path) -> Iterator[None]:
    """One process at a time makes `target`; the others wait. The system frees the lock of a dead process."""
    folder = ROOT / ".tools" / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / f"{target.name}.lock").open("a+b")
    except OSError as error:
        raise SetupError(f"{folder} can't be written: {error}.") from error
    with handle:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
