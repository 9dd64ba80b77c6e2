"""Running Terraform. The only place that knows python-terraform, and what of it no longer fits.

python-terraform 0.10.1 builds the command lines. What it does not do is done here: its `destroy` passes a flag
that Terraform removed, its asynchronous mode passes its own keyword on to Terraform, it captures output only as a
whole, and it always hands over this process's environment.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import python_terraform

from ops.errors import OpsError
from ops.paths import ROOT
from ops.processes import die_with_parent

Progress = Callable[[str], None]

VERBS = {"create": "creating", "update": "changing", "delete": "deleting", "read": "reading"}
POLL_SECONDS = 0.05
# Whoever changes an environment holds its deploy lock first, so a state's lock is free or was left behind.
LOCK_WAIT = "0s"


@dataclass
class Plan:
    """What a plan would do, as Terraform counts it."""

    add: int = 0
    change: int = 0
    remove: int = 0
    changes: list[tuple[str, str]] = field(default_factory=list)
    """Address and action of each resource that would change."""

    @property
    def empty(self) -> bool:
        return not (self.add or self.change or self.remove or self.changes)

    def __str__(self) -> str:
        return (
            f"{self.add} to add, {self.change} to change, {self.remove} to remove"
            if not self.empty
            else "no change"
        )


class TerraformError(OpsError):
    """Terraform failed; `diagnostics` are its own."""

    def __init__(self, what: str, diagnostics: list[dict[str, Any]], next_step: str = "") -> None:
        self.diagnostics = diagnostics
        super().__init__(what, _tell(diagnostics), next_step)


class _Binary(python_terraform.Terraform):
    """python-terraform's command lines, run with an environment of their own and read line by line."""

    def __init__(self, binary: Path, directory: Path, environment: dict[str, str]) -> None:
        super().__init__(working_dir=str(directory), terraform_bin_path=str(binary))
        self.variables = None  # the working directory holds them; an empty dict would become a file each time
        self.environment = environment
        self.on_line: Callable[[str], None] = lambda line: None

    def read_state_file(self, file_path: str | None = None) -> None:
        """State is remote; there is no file to read."""

    def cmd(self, cmd: str, *args: str, **options: Any) -> tuple[int, str, str]:
        """Run one command to its end; an interrupt is passed to Terraform, which then ends in good order."""
        options.pop("capture_output", None)
        command = self.generate_cmd_string(cmd, *args, **options)
        directory = Path(self.working_dir)
        holder = directory / "terraform.pid"
        # Files, not pipes: if this process is killed, Terraform must not die of a broken pipe with its lock held.
        with (
            (directory / "terraform.out").open("w+b") as out,
            (directory / "terraform.err").open("w+b") as errors,
        ):
            # A session of its own: Ctrl-C reaches Terraform once, from here, and not a second time from the
            # terminal, which would make it give up without saving its state.
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),
            )
            started = psutil.Process(process.pid).create_time()
            holder.write_text(json.dumps({"pid": process.pid, "started": started}))
            interrupted = self._follow(process, directory / "terraform.out")
            errors.seek(0)
            out.seek(0)
            printed, complained = out.read().decode(), errors.read().decode()
        holder.unlink(missing_ok=True)
        self.temp_var_files.clean_up()
        if interrupted:
            raise KeyboardInterrupt
        return process.returncode, printed, complained

    def _follow(self, process: subprocess.Popen[bytes], path: Path) -> bool:
        """Hand over each line as it is printed, until the process ends; whether it was interrupted."""
        interrupted = False
        with path.open(encoding="utf-8") as lines:
            rest = ""
            while True:
                try:
                    ended = process.poll() is not None
                    for line in lines:
                        rest += line
                        if rest.endswith("\n"):
                            self.on_line(rest)
                            rest = ""
                    if ended:
                        return interrupted
                    time.sleep(POLL_SECONDS)
                except KeyboardInterrupt:
                    interrupted = True
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGINT)


class Terraform:
    """Terraform in one working directory."""

    def __init__(
        self,
        binary: Path,
        directory: Path,
        environment: dict[str, str],
        *,
        label: str,
        secrets: dict[str, Any] | None = None,
        progress: Progress = lambda text: None,
    ) -> None:
        for name, value in (secrets or {}).items():
            environment = {
                **environment,
                f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value),
            }
        self.directory = directory
        self.label = label
        self.progress = progress
        self._binary = _Binary(binary, directory, {**environment, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"})

    def init(self, backend: dict[str, str]) -> None:
        """Prepare the directory: backend, provider, modules. Raises TerraformError."""
        self.progress("initialising")
        # No upgrade and no reconfigure question: the directory belongs to this backend alone.
        self._checked("init", lambda: self._binary.init(backend_config=backend, input=False, json=FLAG))

    def plan(self, *, destroy: bool = False) -> Plan:
        """Plan into `tfplan`. Raises TerraformError."""
        plan = Plan()
        seen: list[dict[str, Any]] = []
        with self._events(seen, plan):
            options: dict[str, Any] = {
                "out": "tfplan",
                "json": FLAG,
                "lock_timeout": LOCK_WAIT,
                "input": False,
            }
            if destroy:
                options["destroy"] = FLAG
            code, out, err = self._with_lock(lambda: self._binary.plan(**options), seen)
        if code not in (0, 2):
            raise self._error("plan", seen, out + err, code)
        return plan

    def apply(self, total: int = 0) -> Plan:
        """Apply `tfplan`. Raises TerraformError."""
        done = Plan()
        seen: list[dict[str, Any]] = []
        with self._events(seen, done, total):
            code, out, err = self._with_lock(
                lambda: self._binary.cmd("apply", "tfplan", json=FLAG, lock_timeout=LOCK_WAIT, input=False),
                seen,
            )
        (self.directory / "tfplan").unlink(missing_ok=True)
        if code != 0:
            raise self._error("apply", seen, out + err, code)
        return done

    def output(self) -> dict[str, Any]:
        """The outputs' values. Raises TerraformError."""
        code, out, err = self._binary.output_cmd(json=FLAG)
        if code != 0:
            raise self._error("output", [], out + err, code)
        return {name: item["value"] for name, item in json.loads(out).items()}

    def _checked(self, what: str, run: Callable[[], tuple[int, str, str]]) -> None:
        seen: list[dict[str, Any]] = []
        with self._events(seen, Plan()):
            code, out, err = run()
        if code != 0:
            raise self._error(what, seen, out + err, code)

    @contextlib.contextmanager
    def _events(self, seen: list[dict[str, Any]], plan: Plan, total: int = 0) -> Iterator[None]:
        """Read Terraform's own JSON: progress as it comes, diagnostics and counts for the end."""
        finished = 0

        def on_line(line: str) -> None:
            nonlocal finished
            try:
                event = json.loads(line)
            except ValueError:
                return
            kind = event.get("type")
            if kind == "diagnostic":
                seen.append(event["diagnostic"])
            elif kind == "planned_change":
                change = event["change"]
                if change["action"] not in ("no-op", "read"):
                    plan.changes.append((change["resource"]["addr"], change["action"]))
            elif kind == "change_summary":
                counts = event["changes"]
                plan.add, plan.change, plan.remove = counts["add"], counts["change"], counts["remove"]
            elif kind == "apply_start":
                hook = event["hook"]
                count = f"{finished}/{total} " if total else ""
                self.progress(
                    f"{count}{VERBS.get(hook['action'], hook['action'])} {hook['resource']['addr']}"
                )
            elif kind in ("apply_complete", "apply_errored"):
                finished += 1

        self._binary.on_line = on_line
        try:
            yield
        finally:
            self._binary.on_line = lambda line: None

    def _with_lock(
        self, run: Callable[[], tuple[int, str, str]], seen: list[dict[str, Any]]
    ) -> tuple[int, str, str]:
        """Run; where a lock is in the way that a dead Terraform of this host left, break it and run again.

        Safe because every change goes through one deploy lock per environment, which the caller holds.
        """
        earlier = _recorded(self.directory / "terraform.pid")
        if earlier is not None:
            self.progress("waiting for an earlier Terraform to finish what it began")
            with contextlib.suppress(psutil.Error):
                earlier.wait(timeout=600)
        result = run()
        lock = _lock_info(seen)
        if result[0] == 0 or not lock:
            return result
        if not lock.get("Who", "").endswith("@" + socket.gethostname()):
            return result
        self.progress(
            f"breaking a lock left by a Terraform of this host that is gone ({lock.get('Created', '')})"
        )
        code, out, err = self._binary.cmd("force-unlock", lock["ID"], force=FLAG)
        if code != 0:
            raise self._error("force-unlock", seen, out + err, code)
        seen.clear()
        return run()

    def _error(self, what: str, seen: list[dict[str, Any]], text: str, code: int) -> TerraformError:
        errors = [item for item in seen if item.get("severity") == "error"]
        lock = _lock_info(errors)
        if lock:
            return TerraformError(
                f"Terraform's state of {self.label} is locked by {lock.get('Who', 'somebody')} since "
                f"{lock.get('Created', 'a while')} ({lock.get('Operation', '')}).",
                [],
                f"wait for it; if it is dead: terraform -chdir={_shown(self.directory)} force-unlock {lock['ID']}",
            )
        if not errors:
            words = [line for line in text.strip().splitlines() if not line.startswith('{"@')]
            if code < 0:
                words.append(f"It was ended by signal {-code} ({signal.Signals(-code).name}).")
            errors = [{"summary": line} for line in words[-8:]]
        return TerraformError(
            f"terraform {what} failed for {self.label}.", errors, "correct the cause and run it again"
        )


FLAG = python_terraform.IsFlagged


def _recorded(holder: Path) -> psutil.Process | None:
    """The Terraform that an interrupted run of this host left at work in the directory."""
    try:
        record = json.loads(holder.read_text())
        process = psutil.Process(record["pid"])
        return process if abs(process.create_time() - record["started"]) < 1 else None
    except (OSError, ValueError, KeyError, psutil.Error):
        return None


def _lock_info(diagnostics: list[dict[str, Any]]) -> dict[str, str]:
    """The fields of the lock that is in the way, from Terraform's message about it."""
    for item in diagnostics:
        if "acquiring the state lock" in item.get("summary", ""):
            pairs = (
                line.strip().split(":", 1) for line in item.get("detail", "").splitlines() if ":" in line
            )
            fields = {name.strip(): value.strip() for name, value in pairs}
            return fields if fields.get("ID") else {}
    return {}


def _tell(diagnostics: list[dict[str, Any]]) -> str:
    texts = []
    for item in diagnostics:
        place = item.get("range") or {}
        where = f" ({_shown(place['filename'])}:{place['start']['line']})" if place else ""
        address = f"{item['address']}: " if item.get("address") else ""
        texts.append(f"  {address}{item.get('summary', '')}{where}")
        texts += [f"    {line}" for line in item.get("detail", "").strip().splitlines()]
    return "\n".join(texts)


def _shown(path: Path | str) -> str:
    """A path as people know it: of the checkout where it lies in it (working directories hold links to it)."""
    with contextlib.suppress(ValueError):
        return str(Path(path).relative_to(ROOT))
    return str(path)
