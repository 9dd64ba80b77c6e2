"""What goes wrong, told so that the reader knows what to do next."""

from __future__ import annotations


class OpsError(Exception):
    """An operation failed. `what` failed, `why`, and the command or action that comes next."""

    def __init__(self, what: str, why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        parts = [self.what, self.why, f"Next: {self.next_step}" if self.next_step else ""]
        return "\n".join(part for part in parts if part)


class SettingsError(OpsError):
    """A file of settings is missing, malformed or says something impossible."""
