"""boto3's own retries, within an invocation's deadline.

Which failures are tried again, how long to wait (jittered, growing) and how many retries a process may make in an
outage (a quota that each retry takes from and each success gives back to) is botocore's standard mode. A retry comes
only before the answer's head has arrived, so never after a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.client import BaseClient
from botocore.retries import standard

from agent_runtime.deadline import leaves

EVENT = "needs-retry.bedrock-runtime"
HANDLER = "retry-config-bedrock-runtime"


def within_deadline(client: BaseClient, attempts: int, wait: Callable[[float], float]) -> None:
    """Let the client retry only while there is time, and wait in another way than by blocking its thread.

    `wait` is told how many seconds to wait, and returns how many of them are left for botocore to sleep.
    """
    events = client.meta.events
    # The handler that the client was made with tells the endpoint how long to sleep, and the endpoint blocks.
    events.unregister(EVENT, unique_id=HANDLER)
    handler = standard.register_retry_handler(client, max_attempts=attempts)
    events.unregister(EVENT, unique_id=HANDLER)

    def needs_retry(**facts: Any) -> float | None:
        delay = handler.needs_retry(**facts)
        if not delay:
            return delay  # type: ignore[no-any-return]
        # Where there is no time, the model's own error now says more than a deadline later.
        return wait(delay) if leaves(delay) else None

    events.register(EVENT, needs_retry, unique_id=HANDLER)
