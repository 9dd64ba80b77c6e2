"""The one error that a caller of the local cloud has to know."""

from __future__ import annotations


class LocalCloudError(Exception):
    """The local cloud can't do what was asked.

    `what` failed, `why` it failed and what to do `next`: three sentences that can be shown to a person as they are.
    """

    def __init__(self, what: str, why: str, next: str) -> None:
        super().__init__(f"{what} {why} {next}")
        self.what = what
        self.why = why
        self.next = next
