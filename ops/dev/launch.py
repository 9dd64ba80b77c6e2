"""What every process of one agent is started with, and what can be known of its code without starting it."""

from __future__ import annotations

import ast
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError


class StartFailedError(OpsError):
    """The agent does not start as it is now."""


@dataclass(frozen=True)
class Launch:
    """What every process of one agent is started with."""

    agent: str
    command: list[str]
    """The interpreter."""
    environment: dict[str, str]
    root: Path
    sources: list[Path]
    """The folders of the code that may be edited."""
    packages: frozenset[str] = frozenset({"agent_runtime", "agents"})
    """Their packages, which are imported last."""

    def modules(self) -> list[str]:
        """What the code imports from elsewhere."""
        found: set[str] = set()
        for path in (path for place in self.sources for path in place.rglob("*.py")):
            with contextlib.suppress(SyntaxError, ValueError, OSError):
                found |= _imported(ast.parse(path.read_bytes()))
        own = self.packages | sys.stdlib_module_names
        return sorted(name for name in found if name.split(".")[0] not in own)

    def check(self) -> None:
        """Raises StartFailedError when a file is no Python; no process need be started to know."""
        for path in (path for place in self.sources for path in sorted(place.rglob("*.py"))):
            try:
                ast.parse(path.read_bytes(), str(path))
            except SyntaxError as error:
                line = (error.text or "").strip()
                where = f"{path.relative_to(self.root).as_posix()}:{error.lineno}: {error.msg}: {line}"
                raise StartFailedError("The agent does not start.", where, "correct it and save") from None
            except (ValueError, OSError):
                continue


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
