"""Talking to a deployed agent over HTTP, as its callers do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError

from ops import outputs
from ops.cloud import Cloud
from ops.errors import OpsError
from ops.service import address_of


@dataclass(frozen=True)
class Event:
    """One server-sent event: `token`, `tool`, `done` or `error`, and its data."""

    name: str
    data: dict[str, Any]


class AgentClient:
    """One agent at one address."""

    def __init__(self, name: str, address: str, key: str = "") -> None:
        self.name = name
        self.address = address
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def health(self, timeout: float = 5.0) -> dict[str, Any] | None:
        """What `/health` says, or None where nothing healthy answers within `timeout` seconds."""
        try:
            answer = httpx.get(f"{self.address}/health", timeout=timeout)
            return answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None

    def ask(
        self, prompt: str, *, session: str = "", user: str = "", timeout: float = 90.0
    ) -> Iterator[Event]:
        """Ask, and yield events as they come. Raises OpsError with what the agent or the way to it answered."""
        body = {
            "prompt": prompt,
            **({"session_id": session} if session else {}),
            **({"user_id": user} if user else {}),
        }
        headers = {**self._headers, "Accept": "text/event-stream"}
        try:
            with httpx.stream(
                "POST", f"{self.address}/invocations", json=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise _refused(self, answer)
                yield from _events(answer.iter_lines())
        except httpx.HTTPError as error:
            raise OpsError(
                f"{self.name} could not be reached at {self.address}.",
                f"{type(error).__name__}: {error}",
                "./inv status tells what runs",
            ) from error


def connect(cloud: Cloud, agent: str, platform: dict[str, Any] | None = None) -> AgentClient:
    """A client for the deployed agent, with its key where it wants one. Raises OpsError where it isn't deployed."""
    found = outputs.require_agent(cloud, agent)
    key = _key(cloud, found.get("api_keys_secret_arn") or "") if _wants_key(cloud) else ""
    return AgentClient(agent, address_of(cloud, platform or outputs.platform(cloud), agent), key)


def _wants_key(cloud: Cloud) -> bool:
    return cloud.environment.service.require_api_key


def _key(cloud: Cloud, secret: str) -> str:
    try:
        value = cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        return json.loads(value)["keys"][0]
    except ClientError as error:
        raise OpsError(
            "The agent's API key can't be read.",
            f"{error.response['Error']['Code']}: {error.response['Error']['Message']}",
            "use a role that may read the agent's secret",
        ) from error


def _events(lines: Iterator[str]) -> Iterator[Event]:
    name, data = "message", []
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].lstrip())
        elif not line and data:
            yield Event(name, json.loads("\n".join(data)))
            name, data = "message", []


def _refused(client: AgentClient, answer: httpx.Response) -> OpsError:
    try:
        problem = answer.json()
        said = f"{problem.get('title', '')}: {problem.get('detail', '')}".strip(": ")
    except ValueError:
        said = answer.text[:300]
    request = answer.headers.get("X-Request-Id")
    return OpsError(
        f"{client.name} answered {answer.status_code}.",
        said + (f" (request {request})" if request else ""),
        f"./inv logs --agent {client.name} --since 5m",
    )
