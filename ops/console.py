"""What a person sees: each step says itself before it runs, shows that it lives, and is timed.

Progress goes to the standard error where the result is JSON, so that `--json` prints JSON and nothing else.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console as RichConsole
from rich.markup import escape


class Step:
    """One step under way: `progress` is what it does now, `result` what it came to."""

    def __init__(self, console: Console, title: str) -> None:
        self.title = title
        self.result = ""
        self._console = console
        self._started = time.monotonic()

    def progress(self, text: str) -> None:
        """Show what happens now: in place on a terminal, as a line of its own elsewhere."""
        self._console.live(self.title, text)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started


class Console:
    """Steps and lines for people; silent about steps when `quiet`."""

    def __init__(self, *, to_stderr: bool = False, quiet: bool = False) -> None:
        self.rich = RichConsole(stderr=to_stderr, highlight=False, soft_wrap=True)
        if not self.rich.is_terminal:
            self.rich.width = 240  # nobody's window: what is cut off in a file or a log is lost
        self.quiet = quiet
        self._status = None
        self._said = ""

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line of text, taken literally."""
        if not self.quiet:
            self.rich.print(escape(text), style=style)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run one step. A failure is marked and passed on."""
        step = Step(self, title)
        if self.quiet:
            yield step
            return
        if self.rich.is_terminal:
            self._status = self.rich.status(escape(title))
            self._status.start()
        else:
            self.rich.print(f"  … {escape(title)}")
        try:
            yield step
        except BaseException:
            self._close()
            self.rich.print(f"  [red]✗[/red] {escape(title)} [dim]{step.seconds:.1f} s[/dim]")
            raise
        self._close()
        result = f": {escape(step.result)}" if step.result else ""
        self.rich.print(f"  [green]✓[/green] {escape(title)}{result} [dim]{step.seconds:.1f} s[/dim]")

    def live(self, title: str, text: str) -> None:
        if self.quiet:
            return
        if self._status is not None:
            self._status.update(f"{escape(title)} [dim]{escape(text)}[/dim]")
        elif text != self._said:
            self._said = text
            self.rich.print(f"    {escape(text)}")

    def _close(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def print_json(value: object) -> None:
    """A result for scripts, on the standard output."""
    import json

    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
