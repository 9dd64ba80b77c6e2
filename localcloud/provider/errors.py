"""Errors that reach the person at the terminal, as sentences."""

from __future__ import annotations

from collections.abc import Sequence


class ProviderError(Exception):
    """What failed and why (`summary`), and what to do next (`detail`).

    `path` is the attribute that is to blame, as names and list positions; Terraform then points at the line of
    the configuration.
    """

    def __init__(self, summary: str, detail: str = "", path: Sequence[str | int] = ()) -> None:
        super().__init__(f"{summary} {detail}".strip())
        self.summary = summary
        self.detail = detail
        self.path = tuple(path)


class CreatedButFailed(ProviderError):
    """The resource exists, but a later step failed: `state` is what Terraform has to remember, so that nothing
    is orphaned."""

    def __init__(self, cause: ProviderError, state: dict[str, object]) -> None:
        super().__init__(cause.summary, cause.detail, cause.path)
        self.state = state
