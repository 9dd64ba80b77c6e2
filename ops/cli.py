"""What every task shares: one line of verdict with the time it took, an exit status, and errors as sentences."""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from ops.console import Console, print_json
from ops.errors import OpsError

INTERRUPTED = 130


class Command:
    """A task under way."""

    def __init__(self, console: Console, as_json: bool) -> None:
        self.console = console
        self.as_json = as_json
        self.verdict = ""
        self.failed = False
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def result(self, value: object) -> None:
        """Print the result for scripts, where that is what was asked for."""
        if self.as_json:
            print_json(value)


@contextlib.contextmanager
def command(as_json: bool = False) -> Iterator[Command]:
    """Run a task's body; print its verdict, or what went wrong and what to do, and exit accordingly."""
    console = Console(to_stderr=as_json)
    running = Command(console, as_json)
    try:
        yield running
    except KeyboardInterrupt:
        console.line(
            f"Interrupted after {running.seconds:.1f} s. What was begun is safe: run the same again to finish it."
        )
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # who read the output is gone; there is nobody to tell
        sys.exit(INTERRUPTED)
    except Exception as error:
        told = _as_ops_error(error)
        if told is None:
            raise
        _tell(console, told, running.seconds)
        if as_json:
            print_json({"error": told.what, "why": told.why, "next": told.next_step})
        sys.exit(1)
    if running.verdict:
        mark, colour = ("✗", "red") if running.failed else ("✓", "green")
        console.line(f"{mark} {running.verdict} in {running.seconds:.1f} s", style=f"bold {colour}")
    if running.failed:
        sys.exit(1)


def _as_ops_error(error: Exception) -> OpsError | None:
    """The sentence for what people can meet; None for a mistake of ours, which keeps its traceback."""
    if isinstance(error, OpsError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OpsError(
            "The disk is full.", f"{error.filename or error}", "free some space, then run the same again"
        )
    if isinstance(error, PermissionError):
        return OpsError(
            f"{error.filename} can't be written or read.", "The system refuses it.", "check who owns it"
        )
    if isinstance(error, HTTPClientError) or type(error).__name__ == "EndpointConnectionError":
        return OpsError(
            "AWS, or what stands in for it, stopped answering.",
            f"{error}",
            "run the same again: a cloud on this machine is started anew, and what was done is kept",
        )
    if isinstance(error, ClientError):
        facts = error.response.get("Error", {})
        return OpsError(
            f"AWS refused {error.operation_name} ({facts.get('Code')}).",
            facts.get("Message", ""),
            "check the role's rights; `./inv status` tells what runs",
        )
    if isinstance(error, BotoCoreError):
        return OpsError(
            "A call to AWS failed.", f"{error}", "check credentials and network, then run this again"
        )
    return None


def _tell(console: Console, error: OpsError, seconds: float) -> None:
    console.line(f"✗ {error.what}", style="bold red")
    if error.why:
        console.line(error.why)
    if error.next_step:
        console.line(f"Next: {error.next_step}")
    console.line(f"Failed after {seconds:.1f} s.", style="dim")
