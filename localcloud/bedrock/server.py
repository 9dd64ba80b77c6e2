"""The stand-in as a server: by itself (`python -m localcloud.bedrock`) or on a thread beside the emulator."""

from __future__ import annotations

import asyncio
import threading

from localcloud.bedrock.answers import Answers
from localcloud.bedrock.behaviour import Behaviour, Settings
from localcloud.bedrock.connection import Connection
from localcloud.bedrock.model_server import ModelServer
from localcloud.bedrock.stats import Stats

BACKLOG = 1024


class BedrockServer:
    """The stand-in, listening on one or several addresses. With a model server, that one answers."""

    def __init__(self, settings: Settings | None = None, model_server: ModelServer | None = None) -> None:
        self.behaviour = Behaviour(settings)
        self.stats = Stats()
        self.answers = Answers(self.behaviour)
        self.model_server = model_server
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()

    async def start(self, hosts: list[str], port: int) -> int:
        """Listen. Returns the port, which the system chooses for 0. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        for host in hosts:
            server = await loop.create_server(lambda: Connection(self), host, port, backlog=BACKLOG)
            port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
        return port

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        if self.model_server is not None:
            await self.model_server.close()

    def opened(self, connection: Connection) -> None:
        """A connection was made."""
        self.stats.connections += 1
        self._connections.add(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)


class BedrockThread:
    """The server on a thread and event loop of its own, beside the emulator."""

    def __init__(
        self,
        hosts: list[str],
        port: int,
        settings: Settings | None = None,
        model_server: ModelServer | None = None,
    ) -> None:
        self.server = BedrockServer(settings, model_server)
        self.port = port
        self._hosts = hosts
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="bedrock")

    def start(self) -> int:
        """Listen. Returns the port. Raises OSError when it is taken."""
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self.server.start(self._hosts, self.port), self._loop)
        self.port = starting.result()
        return self.port

    def stop(self) -> None:
        """Stop listening and cut what is open."""
        asyncio.run_coroutine_threadsafe(self.server.close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
