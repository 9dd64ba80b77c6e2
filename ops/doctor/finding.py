"""What a check came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

State = Literal["ok", "absent", "failed", "unknown"]
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    """`ok`; `absent`: not there yet, a deploy makes it; `failed`; `unknown`: it could not be looked at."""
    detail: str = ""
    fix: str = ""
    """What to do about it. Every failed one has it."""


Check = Callable[[], Iterator[Finding]]


def carried_out(what: str, check: Check) -> list[Finding]:
    """A check's findings. Where it may not look, or can't, that is a finding as well, and never a good one."""
    found: list[Finding] = []
    began = time.monotonic()
    try:
        found.extend(check())
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code in DENIED:
            detail, fix = (
                f"the credentials may not call {error.operation_name}",
                "use credentials that may read it",
            )
        else:
            detail, fix = f"{error.operation_name} answered {code or 'an error without a name'}", ""
        found.append(Finding(what, "unknown", detail, fix))
    except BotoCoreError as error:
        seconds = time.monotonic() - began
        found.append(Finding(what, "unknown", f"not reached in {seconds:.0f} s ({type(error).__name__})"))
    return found
