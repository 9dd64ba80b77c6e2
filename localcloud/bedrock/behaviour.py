"""What a test or load test can ask of the stand-in: latency, faults by share of requests, and scripted answers."""

from __future__ import annotations

import re
import secrets
from collections import deque
from dataclasses import asdict, dataclass, fields
from typing import Any

from localcloud.bedrock.reply import Reply, text_reply, tool_reply

SHARES = ("throttle", "unavailable", "stall", "cut", "malformed", "stream_error")
SCRIPT_KEYS = {"match", "text", "tool", "input", "fault", "latency_ms", "stop_reason", "times"}


@dataclass
class Settings:
    """How it answers. Times are milliseconds, the faults are shares of requests between 0 and 1.

    `latency_ms`: to the first token. `token_ms`: between tokens. `tokens`: answer with that many tokens instead of by
    rules (0: by rules), the cheapest way to answer. `validate`: check requests against botocore's model.
    `throttle`: 429. `unavailable`: 503. `stall`: a stream that stops after its start. `cut`: the connection breaks in
    the middle. `malformed`: a frame with a wrong CRC. `stream_error`: modelStreamErrorException in the middle.
    """

    latency_ms: float = 0.0
    token_ms: float = 0.0
    tokens: int = 0
    validate: bool = True
    throttle: float = 0.0
    unavailable: float = 0.0
    stall: float = 0.0
    cut: float = 0.0
    malformed: float = 0.0
    stream_error: float = 0.0

    def change(self, values: dict[str, Any]) -> None:
        """Set some of them. Raises ValueError with a sentence, and then changes nothing."""
        types = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in types:
                raise ValueError(f"There is no setting {name!r}; there are {', '.join(types)}.")
            right = isinstance(value, bool) if types[name] is bool else isinstance(value, int | float)
            if not right or isinstance(value, bool) != (types[name] is bool) or value < 0:
                raise ValueError(
                    f"{name} is {value!r}; it has to be a {types[name].__name__} that is not negative."
                )
            if name in SHARES and value > 1:
                raise ValueError(f"{name} is {value!r}; it is a share of the requests, between 0 and 1.")
            checked[name] = types[name](value)
        for name, value in checked.items():
            setattr(self, name, value)


@dataclass
class Scripted:
    """One scripted answer; `match` is a regular expression that the request's last text has to contain.

    A tool's `input` may be a string, which is streamed as it is: JSON that a model got wrong.
    """

    match: re.Pattern[str] | None
    reply: Reply | None
    fault: str | None
    latency_ms: float | None
    times: int


class Behaviour:
    """Settings and script together. Faults by share come evenly: with 0.25, every fourth request."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._script: deque[Scripted] = deque()
        self._owed = dict.fromkeys(SHARES, 0.0)

    def control(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out a POST /_control: settings by name, `script` (a list) and `reset` (true). Raises ValueError."""
        order = dict(order)
        script = [_scripted(entry) for entry in order.pop("script", [])]
        reset = order.pop("reset", False)
        settings = Settings() if reset else Settings(**asdict(self.settings))
        settings.change(order)
        if reset:
            self._script.clear()
            self._owed = dict.fromkeys(SHARES, 0.0)
        self.settings = settings
        self._script.extend(script)
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """The settings, and how many scripted answers wait."""
        return {**asdict(self.settings), "script": sum(entry.times for entry in self._script)}

    def next_scripted(self, text: str) -> Scripted | None:
        """The first scripted answer that fits this text; it is used up."""
        for entry in self._script:
            if entry.match is None or entry.match.search(text):
                entry.times -= 1
                if entry.times <= 0:
                    self._script.remove(entry)
                return entry
        return None

    def next_fault(self) -> str | None:
        """The fault that is due by its share now, if any."""
        due = None
        for name in SHARES:
            self._owed[name] += getattr(self.settings, name)
            if self._owed[name] >= 1.0 and due is None:
                self._owed[name] -= 1.0
                due = name
        return due


def _scripted(entry: Any) -> Scripted:
    if not isinstance(entry, dict) or not entry.keys() <= SCRIPT_KEYS:
        raise ValueError(
            f"A scripted answer is an object with some of {', '.join(sorted(SCRIPT_KEYS))}; got {entry!r}."
        )
    fault = entry.get("fault")
    if fault is not None and fault not in SHARES:
        raise ValueError(f"There is no fault {fault!r}; there are {', '.join(SHARES)}.")
    reply = None
    if "tool" in entry:
        reply = tool_reply(
            [(entry["tool"], entry.get("input", {}))], [f"tooluse_{secrets.token_urlsafe(16)}"]
        )
    elif "text" in entry:
        reply = text_reply(entry["text"])
    if reply and "stop_reason" in entry:
        reply = Reply(reply.blocks, entry["stop_reason"])
    match = re.compile(entry["match"]) if "match" in entry else None
    return Scripted(match, reply, fault, entry.get("latency_ms"), int(entry.get("times", 1)))
