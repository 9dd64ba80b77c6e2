"""session.json: where a local cloud is, and which process it is."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from localcloud.files import write_atomically
from localcloud.processes import Identity

PROBE_TIMEOUT_SECONDS = 2.0
NOTES = {
    "process": (
        "Engine: processes of this machine. It does not prove the container's read-only root, user, network, "
        "CPU architecture or image base."
    ),
    "docker": (
        "Engine: containers of the local Docker engine. It does not prove AWS' network, IAM or Fargate's CPU sizes."
    ),
}


@dataclass(frozen=True)
class Session:
    """A running local cloud.

    `process_started` is seconds since the epoch; `task_endpoint` and `task_bedrock_endpoint` are the same two servers
    as a task reaches them; `engine_note` is one sentence on what the engine does not prove; `code`
    tells the code that it runs from any other.
    """

    endpoint: str
    bedrock_endpoint: str
    task_endpoint: str
    task_bedrock_endpoint: str
    engine: str
    engine_note: str
    pid: int
    process_started: float
    account_id: str
    region: str
    log: str
    code: str

    @property
    def identity(self) -> Identity:
        """The daemon."""
        return Identity(self.pid, self.process_started)

    @property
    def port(self) -> int:
        """The emulator's port."""
        return int(self.endpoint.rsplit(":", 1)[1])

    @property
    def bedrock_port(self) -> int:
        """The Bedrock stand-in's port."""
        return int(self.bedrock_endpoint.rsplit(":", 1)[1])

    def answers(self, seconds: float) -> bool:
        """Whether both servers answer within `seconds`; one look for 0. Gives up early when the process is gone."""
        urls = (f"{self.endpoint}/_ministack/health", f"{self.bedrock_endpoint}/stats")
        deadline = time.monotonic() + seconds
        # No proxy of the environment: these are addresses of this machine.
        with httpx.Client(trust_env=False, timeout=PROBE_TIMEOUT_SECONDS) as client:
            while True:
                with suppress(httpx.HTTPError):
                    if all(client.get(url).status_code == 200 for url in urls):
                        return True
                if time.monotonic() > deadline or not self.identity.alive:
                    return False
                time.sleep(0.05)


def read_session(directory: Path) -> Session | None:
    """The session of a directory; None when it is missing, half-written or of another version."""
    try:
        return Session(**json.loads((directory / "session.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_session(directory: Path, session: Session) -> None:
    """Raises OSError."""
    write_atomically(directory / "session.json", json.dumps(asdict(session), indent=2) + "\n")
