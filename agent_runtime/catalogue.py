"""The model catalogue: which models live, what to ask of them, and what a call costs. The data is models.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from agent_runtime.errors import StartError

PER_MILLION = 1_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens of one model call. The four counts do not overlap, as in Converse's answers."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt, cached or not."""
        return self.input + self.cache_read + self.cache_write

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def of(self, usage: Usage) -> float:
        """USD for these tokens."""
        return (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        ) / PER_MILLION


@dataclass(frozen=True)
class ModelEntry:
    """One model, as the service uses it."""

    id: str
    name: str
    state: str = "unknown"
    """`active`, `legacy`, `retired`, or `unknown` for a model that the catalogue does not list."""
    price: Price | None = None
    long_prompt_tokens: int | None = None
    long_price: Price | None = None
    factor: float = 1.0
    """What the inference profile's geography multiplies the price by."""
    request_fields: Mapping[str, Any] = field(default_factory=dict)
    retired: str | None = None
    successor: str | None = None

    def cost(self, usage: Usage) -> float | None:
        """USD for one model call, or None where the catalogue has no price."""
        if self.price is None:
            return None
        long = self.long_price is not None and usage.prompt > (self.long_prompt_tokens or 0)
        price = self.long_price if long and self.long_price else self.price
        return price.of(usage) * self.factor


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "models.toml").read_text("utf-8"))


def geographies() -> frozenset[str]:
    """What may stand before a model's id in the id of an inference profile: `us`, `eu`, `global` and the like."""
    return frozenset(_data()["profiles"])


def find(model_id: str) -> ModelEntry:
    """The catalogue's entry for a model id, an inference profile id or the ARN of either."""
    data = _data()
    bare = model_id.rsplit("/", 1)[-1] if model_id.startswith("arn:") else model_id
    prefix, _, rest = bare.partition(".")
    factor = 1.0
    if prefix in data["profiles"]:
        bare, factor = rest, data["profiles"][prefix]
    entry = data["models"].get(bare)
    if entry is None:
        return ModelEntry(id=model_id, name=model_id)
    return ModelEntry(
        id=model_id,
        name=entry["name"],
        state=entry["state"],
        price=Price(**entry["price"]) if "price" in entry else None,
        long_prompt_tokens=entry.get("long_prompt_tokens"),
        long_price=Price(**entry["long_price"]) if "long_price" in entry else None,
        factor=factor,
        request_fields=entry.get("request_fields", {}),
        retired=entry.get("retired"),
        successor=entry.get("successor"),
    )


def usable(model_id: str) -> ModelEntry:
    """The entry of a model that calls can succeed on.

    Raises:
        StartError: the model has reached its end of life; the text names its successor.
    """
    entry = find(model_id)
    if entry.state == "retired":
        raise StartError(
            f"{entry.name} ({model_id}) reached its end of life on Bedrock on {entry.retired}, and calls to it fail. "
            f"Set AGENT_MODEL_ID to its successor, {entry.successor}, or to the cheaper anthropic.claude-haiku-5-5."
        )
    return entry
