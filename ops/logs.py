"""An agent's log lines, from CloudWatch Logs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ops import outputs
from ops.cloud import Cloud
from ops.console import Console
from ops.errors import OpsError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Line:
    """One line that a task wrote."""

    id: str
    time: datetime
    stream: str
    text: str

    @property
    def is_metric(self) -> bool:
        """Whether it is a metric in CloudWatch's embedded format, which people rarely want to read."""
        return self.text.startswith("{") and '"_aws"' in self.text

    def as_dict(self) -> dict[str, Any]:
        try:
            content: Any = json.loads(self.text)
        except ValueError:
            content = self.text
        return {"time": self.time.isoformat(), "stream": self.stream, "line": content}


def seconds_of(since: str) -> int:
    """`90s`, `5m`, `2h`, `1d` in seconds. Raises OpsError."""
    found = re.fullmatch(r"(\d+)([smhd])", since.strip())
    if not found:
        raise OpsError(f'"{since}" is not a time span.', next_step="write it like 30s, 5m, 2h or 1d")
    return int(found[1]) * UNITS[found[2]]


def read(
    cloud: Cloud, agent: str, *, since: str = "10m", follow: bool = False, metrics: bool = False
) -> Iterator[Line]:
    """The agent's lines since then, oldest first; with `follow` it never ends. Raises OpsError."""
    group = outputs.require_agent(cloud, agent)["log_group_name"]
    start = int((time.time() - seconds_of(since)) * 1000)
    seen: set[str] = set()
    while True:
        for line in _page(cloud, group, start):
            if line.id not in seen:
                seen.add(line.id)
                start = max(start, int(line.time.timestamp() * 1000))
                if metrics or not line.is_metric:
                    yield line
        if not follow:
            return
        time.sleep(POLL_SECONDS)


def last_words(cloud: Cloud, agent: str, task: str) -> str:
    """The last thing that a task said before it ended: of a structured line its error, else the line."""
    group = outputs.agent(cloud, agent).get("log_group_name", "")
    try:
        pages = (
            cloud.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=group, logStreamNames=[f"task/{agent}/{task}"])
        )
        said = [
            event["message"].strip() for page in pages for event in page["events"] if event["message"].strip()
        ]
    except ClientError:
        return ""  # it ended before it could say anything
    for line in reversed(said):
        try:
            fields = json.loads(line)
        except ValueError:
            return line
        if isinstance(fields, dict) and fields.get("error"):
            return str(fields["error"])
    return ""


def _page(cloud: Cloud, group: str, start: int) -> list[Line]:
    pages = (
        cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
    )
    lines = [
        Line(
            # An emulator may give every event the same id; what was written where and when tells them apart.
            f"{event.get('eventId')} {event['timestamp']} {event['logStreamName']} {event['message']}",
            datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
            event["logStreamName"].rsplit("/", 1)[-1][:8],
            event["message"].rstrip("\n"),
        )
        for page in pages
        for event in page["events"]
    ]
    return sorted(lines, key=lambda line: line.time)


def print_lines(
    cloud: Cloud, agent: str, console: Console, *, since: str, follow: bool, metrics: bool, as_json: bool
) -> None:
    """Print the agent's lines: for people, or one JSON document a line."""
    some = False
    for line in read(cloud, agent, since=since, follow=follow, metrics=metrics):
        some = True
        if as_json:
            print(json.dumps(line.as_dict()), flush=True)
        else:
            print(
                f"{line.time:%H:%M:%S} {line.stream} {line.text if line.is_metric else _readable(line.text)}",
                flush=True,
            )
    if not some:
        console.line(f"{agent} wrote nothing in the last {since}.", style="dim")


def _readable(text: str) -> str:
    """A structured line as words: its event first, then what else it says."""
    try:
        fields = json.loads(text)
    except ValueError:
        return text
    if not isinstance(fields, dict):
        return text
    for name in ("timestamp", "agent", "environment", "logger"):
        fields.pop(name, None)
    level, event = fields.pop("level", ""), fields.pop("event", "")
    rest = " ".join(f"{name}={value}" for name, value in fields.items() if value not in (None, ""))
    return f"{level:<7} {event} {rest}".strip()
