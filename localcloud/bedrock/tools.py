"""Chooses tools by their names, descriptions and input schemas, and fills their input from the user's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

WORD = re.compile(r"[a-z]+")
EXPRESSION = re.compile(r"[-(]*\d[\d.,\s()]*(?:(?:\*\*|//|[-+*/%^x×÷])\s*[-(]*\s*\d[\d.,\s()]*)+")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
QUOTED = re.compile(r"[\"“”'‘’«»](.+?)[\"“”'‘’«»]")
ZONE = re.compile(r"\b(?:UTC|GMT|[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b")
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
SPOKEN = (
    (re.compile(r"\b(?:multiplied by|times)\b"), "*"),
    (re.compile(r"\bdivided by\b"), "/"),
    (re.compile(r"\bplus\b"), "+"),
    (re.compile(r"\bminus\b"), "-"),
)
# Words that people use for what a tool's author calls something else.
TOPICS: tuple[frozenset[str], ...] = (
    frozenset({"time", "clock", "date", "day", "today", "now", "timezone", "hour", "weekday"}),
    frozenset({"fact", "where", "run", "version", "deploy", "deployment", "environment", "region", "build"}),
    frozenset(
        {"arithmetic", "calculate", "calculator", "calculation", "compute", "expression", "math", "sum"}
    ),
)
ARITHMETIC = TOPICS[2]
COMMON = frozenset(
    re.findall(
        r"\w+",
        "the a an of and or to in is are it its what which who how do does you your i me my can for on at by with "
        "this that be as from please tell give get use used return returned tool current about any all have has one",
    )
)
NAME_WEIGHT = 3.0
TOPIC_WEIGHT = 2.0
LEAST_SCORE = 2.0


@dataclass(frozen=True)
class Call:
    """A tool and the input it shall be called with."""

    name: str
    input: dict[str, Any]


def choose(tools: list[dict[str, Any]], text: str, choice: dict[str, Any] | None = None) -> list[Call]:
    """The tools that fit what the user says, the best first; none when nothing fits and none is forced."""
    specs = [tool["toolSpec"] for tool in tools]
    if forced := ((choice or {}).get("tool") or {}).get("name"):
        return [call(spec, text) for spec in specs if spec["name"] == forced]
    scores = [(score(spec, text), position) for position, spec in enumerate(specs)]
    best = [specs[position] for points, position in sorted(scores, key=_by_points) if points >= LEAST_SCORE]
    chosen = _one_per_topic(best)
    if not chosen and "any" in (choice or {}) and specs:
        chosen = [specs[min(scores, key=_by_points)[1]]]
    return [call(spec, text) for spec in chosen]


def score(spec: dict[str, Any], text: str) -> float:
    """How well a tool fits: words in common with its name and description, and topics in common with both."""
    said = _words(text)
    if expression_in(text):
        # "6 times 7" does not ask for the time.
        said = _words(_signs(text)) | {"arithmetic"}
    named = _words(spec["name"].replace("_", " "))
    described = _words(spec.get("description") or "")
    points = NAME_WEIGHT * len(said & named) + len(said & described)
    return points + sum(TOPIC_WEIGHT for topic in TOPICS if said & topic and named & topic)


def call(spec: dict[str, Any], text: str) -> Call:
    """A call of this tool with every required property filled, and the others where the text has something for them."""
    schema = spec["inputSchema"].get("json") or {}
    required = schema.get("required") or []
    values: dict[str, Any] = {}
    for name, property_schema in (schema.get("properties") or {}).items():
        value = _value(name, property_schema, text, needed=name in required)
        if value is not None:
            values[name] = value
    return Call(spec["name"], values)


def expression_in(text: str) -> str | None:
    """The arithmetic expression in a sentence: "what is 12*7?" holds "12*7"."""
    found = EXPRESSION.search(DATE.sub("", _signs(text)))
    if not found:
        return None
    return found[0].strip(" .,").replace("x", "*").replace("×", "*").replace("÷", "/").replace("^", "**")


def _value(name: str, schema: dict[str, Any], text: str, *, needed: bool) -> Any:
    kind = schema.get("type", "string")
    if options := schema.get("enum"):
        said = next((option for option in options if str(option).lower() in text.lower()), None)
        return said if said is not None or not needed else options[0]
    if kind in ("integer", "number"):
        found = NUMBER.search(text)
        number = float(found[0]) if found else 0.0
        return (int(number) if kind == "integer" else number) if found or needed else None
    if kind == "boolean":
        return True if needed else None
    if kind == "array":
        return [] if needed else None
    if kind == "object":
        return {} if needed else None
    return _text_value(name, schema, text, needed=needed)


def _text_value(name: str, schema: dict[str, Any], text: str, *, needed: bool) -> str | None:
    about = _words(f"{name} {schema.get('description') or ''}".replace("_", " "))
    if about & ARITHMETIC and (expression := expression_in(text)):
        return expression
    if about & {"timezone", "zone"}:
        found = ZONE.search(text)
        return found[0] if found else "UTC" if needed else None
    if about & {"date", "day"} and (found := DATE.search(text)):
        return found[0]
    if found := QUOTED.search(text):
        return found[1]
    return text.strip() if needed else None


def _signs(text: str) -> str:
    for pattern, sign in SPOKEN:
        text = pattern.sub(sign, text)
    return text


def _one_per_topic(specs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most one tool for each topic; without a topic in common with the best, only the best itself."""
    chosen: list[dict[str, Any]] = []
    covered: set[int] = set()
    for spec in specs:
        topics = {i for i, topic in enumerate(TOPICS) if _words(spec["name"].replace("_", " ")) & topic}
        if not chosen or (topics and not topics & covered and covered):
            chosen.append(spec)
            covered |= topics
    return chosen


def _by_points(entry: tuple[float, int]) -> tuple[float, int]:
    return -entry[0], entry[1]


def _words(text: str) -> set[str]:
    return {_stem(word) for word in WORD.findall(text.lower())} - COMMON


def _stem(word: str) -> str:
    for ending in ("ning", "ing", "ed", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word
