"""Asking before a running environment is changed."""

from __future__ import annotations

import sys

from ops.console import Console
from ops.errors import OpsError
from ops.settings import Environment


def confirm(
    environment: Environment, what: str, console: Console, *, yes: bool = False, always: bool = False
) -> None:
    """Ask as the environment wants it: nothing, a yes, or its name typed. Raises OpsError where the answer is no.

    `always` asks for a yes even where the environment asks nothing. `yes` answers a yes, not a name.
    """
    kind = "yes" if always and environment.confirm == "none" else environment.confirm
    if kind == "none" or (kind == "yes" and yes):
        return
    if not sys.stdin.isatty():
        raise OpsError(
            f"To {what} in {environment.name} somebody must agree, and there is no terminal to ask on.",
            next_step="run it on a terminal" + (", or add --yes" if kind == "yes" else ""),
        )
    console.line(
        f"About to {what} in {environment.name} (account {environment.account_id}, {environment.region})."
    )
    if kind == "name":
        agreed = input(f"Type {environment.name} to go on: ").strip() == environment.name
    else:
        agreed = input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    if not agreed:
        raise OpsError("Stopped; nothing was touched.")
