"""That only one invocation of this process at a time has a conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_runtime import problems


class SessionLocks:
    """Lets one invocation at a time have a session; others wait in line, for so long and so many."""

    def __init__(self, patience: float = 0.0, waiting: int = 0) -> None:
        """`patience`: seconds that an invocation waits for its session. `waiting`: how many wait at most, over all."""
        self._patience = patience
        self._room = waiting
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Have the session for the length of a `with` block. Raises: Problem 409 when another one has it."""
        if key in self._lines:
            await self._wait(key)
        else:
            self._lines[key] = deque()
        try:
            yield
        finally:
            self._pass_on(key)

    async def _wait(self, key: str) -> None:
        if not self._patience or not self._room:
            raise _busy()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[key].append(turn)
        self._room -= 1
        try:
            await asyncio.wait({turn}, timeout=self._patience)
            if not turn.done():
                raise _busy()
        except BaseException:
            if turn.done():
                self._pass_on(key)  # It came just when nobody wanted it any more.
            else:
                self._lines[key].remove(turn)
            raise
        finally:
            self._room += 1

    def _pass_on(self, key: str) -> None:
        line = self._lines[key]
        if line:
            line.popleft().set_result(None)
        else:
            del self._lines[key]


def _busy() -> problems.Problem:
    return problems.Problem(problems.SESSION_BUSY, "Wait for its answer, then ask again.")
