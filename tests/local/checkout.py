"""A checkout of its own for tests that change code and deploy it: the real files, shared tools, own state."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ops.paths import ROOT, TOOLS


@dataclass(frozen=True)
class Result:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        return json.loads(self.out)


class Checkout:
    """A copy of this checkout in an empty folder."""

    def __init__(self, root: Path, engine: str = "process") -> None:
        """`engine` instead of `auto`: what a test proves must not hang on whether Docker runs here."""
        self.root = root
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
        (root / ".venv").symlink_to(ROOT / ".venv")
        (root / ".tools").mkdir()
        for shared in ("venvs", "uv", "cache", "locks", "terraform"):
            if (TOOLS / shared).exists():
                (root / ".tools" / shared).symlink_to(TOOLS / shared)
        # The mirror names its checkout; the schema, which is the slow part, is shared as hard links.
        shutil.copytree(TOOLS / "provider/schema", root / ".tools/provider/schema", copy_function=os.link)
        self.edit("environments/local.toml", 'engine = "auto"', f'engine = "{engine}"')
        self.before = self.files()

    @property
    def local(self) -> Path:
        return self.root / ".local"

    def files(self) -> set[str]:
        """Every file outside `.local`, links not followed."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in (".local", "__pycache__")]
            found |= {str((Path(folder) / name).relative_to(self.root)) for name in names}
        return found

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "VITRACKA_LOCAL_DIR"}
        # Colour and width of whoever runs the tests must not matter.
        return {**kept, "NO_COLOR": "1", "COLUMNS": "200", **extra}

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "inv"), *arguments],
            cwd=self.root,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def inv(self, *arguments: str, timeout: float = 240, **extra: str) -> Result:
        """Run `./inv ...` to its end."""
        process = self.start(*arguments, **extra)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"./inv {' '.join(arguments)} did not end:\n{out}\n{err}") from None
        return Result(process.returncode, out, err)

    def deploy(self, *arguments: str) -> dict[str, Any]:
        """Deploy, and require that it went well."""
        result = self.inv("deploy", "--env", "local", "--json", *arguments)
        assert result.status == 0, result.text
        return result.json()[0]

    def status(self) -> dict[str, Any]:
        return self.inv("status", "--json").json()

    def session(self) -> dict[str, Any]:
        """Where the cloud of this checkout is."""
        return json.loads((self.local / "cloud/local/session.json").read_text())

    def processes(self) -> list[psutil.Process]:
        """Everything that still runs for this checkout: by command line, folder or environment."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join([*process.cmdline(), process.cwd()])
            except psutil.Error:
                continue
            if str(self.root) in words and process.pid != os.getpid():
                found.append(process)
        return found

    def told(self) -> list[str]:
        """What still runs for this checkout, as a failing test should show it."""
        return [f"{process.pid}: {' '.join(process.cmdline())[:300]}" for process in self.processes()]

    def task_processes(self) -> list[psutil.Process]:
        return [process for process in self.processes() if "agent_runtime" in " ".join(process.cmdline())]

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1))

    def end_everything(self) -> None:
        self.inv("local-reset")
        for process in self.processes():
            process.send_signal(signal.SIGKILL)


def wait_until(condition: Any, seconds: float = 20.0, every: float = 0.05) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(every)
