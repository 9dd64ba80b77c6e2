"""docs/unproven.md, made from docs/unproven.toml: `python -m ops.unproven` writes it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from ops.paths import ROOT

SOURCE = ROOT / "docs" / "unproven.toml"
PAGE = ROOT / "docs" / "unproven.md"

HEAD = """# What a local deployment does not prove

Everything here passes on an AWS on this machine. What follows only a real account can show, with the command that
shows it there. Made from `unproven.toml` by `python -m ops.unproven`.

| what | why not here | what shows it |
| --- | --- | --- |
"""


@dataclass(frozen=True)
class Claim:
    """Something that only a real account can show."""

    what: str
    why_not_here: str
    shown_by: str
    doctor: str = ""
    """The check of `./inv doctor` that shows it, where read-only credentials are enough."""


def claims() -> list[Claim]:
    """All of them, in the order of the file."""
    return [Claim(**one) for one in tomllib.loads(SOURCE.read_text("utf-8"))["claim"]]


def page() -> str:
    """The page as it must be."""
    rows = [f"| {one.what} | {one.why_not_here} | {one.shown_by} |\n" for one in claims()]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
