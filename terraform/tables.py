"""Writes the tables of inputs and outputs into the READMEs of modules and stacks: `python terraform/tables.py`.

With `--check` it writes nothing, names the READMEs that are out of date, and exits with 1 where there are any.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEGIN = "<!-- tables: written by terraform/tables.py -->"


@dataclass(frozen=True)
class Block:
    """A `variable` or `output` block, as `terraform fmt` lays it out."""

    name: str
    body: str

    @property
    def description(self) -> str:
        """Its description; empty where it has none."""
        found = re.search(r'^  description\s+= "((?:[^"\\]|\\.)*)"$', self.body, re.M)
        return found[1].replace('\\"', '"') if found else ""

    @property
    def type(self) -> str:
        """Its type on one line; empty where it has none."""
        return self._argument("type")

    @property
    def default(self) -> str | None:
        """Its default on one line, as Terraform would write it; None where it is required."""
        return self._argument("default") or None

    @property
    def validations(self) -> int:
        """How many rules its value has to follow."""
        return len(re.findall(r"^  validation \{$", self.body, re.M))

    def _argument(self, name: str) -> str:
        """An argument's expression: the rest of its line, and what is indented deeper up to the closing bracket."""
        found = re.search(rf"^  {name}\s+= (.*(?:\n    .*)*(?:\n  [\])}}]+)?)", self.body, re.M)
        if not found:
            return ""
        lines = [line.strip().rstrip(",") for line in found[1].splitlines() if line.strip()]
        text = ", ".join(re.sub(r"\s+", " ", line) for line in lines)
        return re.sub(r", ([\])}])", r" \1", re.sub(r"([\[({]), ", r"\1 ", text))


def blocks(kind: str, file: Path) -> list[Block]:
    """The blocks of `kind` in `file`, in order of their names."""
    found = re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', file.read_text(), re.M | re.S)
    return sorted((Block(name, body) for name, body in found), key=lambda block: block.name)


def units() -> list[Path]:
    """The folders of all modules and stacks."""
    return sorted(
        path.parent for kind in ("modules", "stacks") for path in (HERE / kind).glob("*/variables.tf")
    )


def tables(unit: Path) -> str:
    """The tables of one module or stack."""
    inputs = [
        f"| `{block.name}` | `{block.type}` | {'required' if block.default is None else f'`{block.default}`'} "
        f"| {block.description} |"
        for block in blocks("variable", unit / "variables.tf")
    ]
    outputs = [f"| `{block.name}` | {block.description} |" for block in blocks("output", unit / "outputs.tf")]
    return "\n".join(
        [
            "## Inputs",
            "",
            "| name | type | default | what |",
            "| --- | --- | --- | --- |",
            *inputs,
            "",
            "## Outputs",
            "",
            "| name | what |",
            "| --- | --- |",
            *outputs,
            "",
        ]
    )


def readme(unit: Path) -> str:
    """What the README of `unit` should say: its own text, and the tables."""
    text = (unit / "README.md").read_text()
    return f"{text.split(BEGIN)[0].rstrip()}\n\n{BEGIN}\n\n{tables(unit)}"


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit with 1 where something is out of date"
    )
    check = parser.parse_args().check
    stale = [unit for unit in units() if (unit / "README.md").read_text() != readme(unit)]
    for unit in stale:
        if not check:
            (unit / "README.md").write_text(readme(unit))
        print(f"{'out of date' if check else 'written'}: terraform/{unit.relative_to(HERE)}/README.md")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
