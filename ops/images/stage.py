"""What goes into an agent's image, laid out on this machine: dependencies and application.

The same two folders become the layers of a bundle and the context of the Dockerfile.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ops.bootstrap import python_of, uv_command
from ops.errors import OpsError
from ops.paths import ROOT, TOOLS
from ops.pip_settings import uv_environment
from ops.settings import Agent

DEPENDENCIES = "opt/deps"
APPLICATION = "app"

PLATFORMS = {"ARM64": "aarch64-manylinux_2_28", "X86_64": "x86_64-manylinux_2_28"}


def architecture_of(wanted: str) -> str:
    """`ARM64` or `X86_64`; `host` is this machine's."""
    if wanted != "host":
        return wanted
    return "ARM64" if platform.machine() in ("arm64", "aarch64") else "X86_64"


def dependencies(agent: Agent, architecture: str, *, native: bool) -> Path:
    """A folder with the locked dependencies of `agent`, compiled. Made once for each lock and platform.

    `native` takes wheels for this very machine (a process), otherwise for Linux on `architecture` (a container).
    Raises OpsError.
    """
    lock = ROOT / "agents" / agent.folder / "requirements.txt"
    python = f"{sys.version_info.major}.{sys.version_info.minor}" if native else "3.11"
    system = f"{sys.platform}-{platform.machine()}" if native else PLATFORMS[architecture]
    key = hashlib.sha256(f"{python} {system}\n".encode() + lock.read_bytes()).hexdigest()[:16]
    target = TOOLS / "cache" / "dependencies" / key
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=target.parent))
    try:
        command = [uv_command(), "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        command += [
            "--target",
            str(half),
            "--python-version",
            python,
            "--only-binary",
            ":all:",
            "--link-mode",
            "copy",
        ]
        command += [] if native else ["--python-platform", system]
        command += ["--python", str(python_of(TOOLS / "venvs" / "bare")) if native else sys.executable]
        done = subprocess.run(
            [*command, "-r", str(lock)],
            capture_output=True,
            text=True,
            check=False,
            env=uv_environment(os.environ),
        )
        if done.returncode != 0:
            raise OpsError(
                f"The dependencies of {agent.name} could not be installed for {system}.",
                "\n".join(done.stderr.strip().splitlines()[-8:]),
                "check the network and pip's settings (`pip config list`), then run this again",
            )
        shutil.rmtree(half / "bin", ignore_errors=True)
        compile_folder(half)
        half.chmod(0o755)
        half.replace(target)
    except OSError as error:
        raise OpsError(f"The dependencies of {agent.name} could not be laid out: {error}.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return target


def application(agent: Agent, target: Path) -> Path:
    """Copy the runtime and the agent's own package to `target`, compiled."""
    for source in (ROOT / "agent_runtime", ROOT / "agents" / agent.folder):
        copied = target / source.relative_to(ROOT)
        shutil.copytree(
            source,
            copied,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "scenarios", "requirements.*"),
        )
    if (ROOT / "agents" / "__init__.py").exists():
        shutil.copy2(ROOT / "agents" / "__init__.py", target / "agents" / "__init__.py")
    compile_folder(target)
    return target


def compile_folder(folder: Path) -> None:
    """Write .pyc files that are trusted without a look at the source: a start takes three times as long without."""
    compileall.compile_dir(
        folder,
        quiet=2,
        workers=os.cpu_count() or 1,
        stripdir=str(folder),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
