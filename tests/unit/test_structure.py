"""The house keeps its shape: arrows go one way, and nobody asks where they are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ops.paths import ROOT


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """The packages that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("agent_runtime", {"ops", "localcloud", "tasks", "agents", "invoke", "python_terraform"}),
        ("agents", {"ops", "localcloud", "tasks", "invoke"}),
        ("localcloud", {"ops", "tasks", "agents", "agent_runtime", "invoke"}),
        ("ops", {"tasks", "invoke", "agents", "strands", "fastapi"}),
    ],
)
def test_arrows_go_one_way(folder: str, forbidden: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT)): imports(path) & forbidden
        for path in modules(folder)
        if imports(path) & forbidden
    }
    assert not found


def test_nothing_asks_whether_it_is_local() -> None:
    """Environments differ by values: no comparison with an environment's name, no `is_local`."""
    names = {path.stem for path in (ROOT / "environments").glob("*.toml")}
    found = []
    for path in modules("ops", "agent_runtime", "agents"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                attributes = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                if words & names and attributes & {"name", "environment"}:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
            if isinstance(node, ast.Name | ast.Attribute) and "is_local" in ast.dump(node):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    for path in (ROOT / "terraform").rglob("*.tf"):
        found += [
            str(path.relative_to(ROOT))
            for word in ("is_local", '== "local"', "localhost")
            if word in path.read_text()
        ]
    assert not found


def test_tasks_are_thin() -> None:
    """A task parses, calls one function and says how it ended."""
    tree = ast.parse((ROOT / "tasks.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            body = node.body[-1].end_lineno - node.body[0].end_lineno
            assert body <= 20, f"{node.name} has {body} lines; what it does belongs into ops/"


def test_every_task_has_an_example() -> None:
    for node in ast.parse((ROOT / "tasks.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            assert "Example: ./inv " in (ast.get_docstring(node) or ""), node.name


def test_no_file_names_a_machine_or_a_registry() -> None:
    import subprocess

    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    words = ("/" + "root/", "/" + "work/", "files." + "pythonhosted", "registry." + "npmjs")
    found = []
    for name in listed.stdout.split():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png",):
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{name}: {word}" for word in words if word in text]
    assert not found
