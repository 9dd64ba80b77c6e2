"""In the complete form, which CI runs, nothing is left out: a test that is skipped has failed."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

COMPLETE = os.environ.get("VITRACKA_COMPLETE") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something dear (a deployed checkout, a local cloud, an engine) run in one process, in order."""
    for item in items:
        if group := _group(item.path):
            item.add_marker(pytest.mark.xdist_group(group))


def _group(path: Path) -> str:
    room = path.relative_to(Path(__file__).parent).parts[0]
    if room == "docker":
        return room
    if room == "local" or path.parent.name == "localcloud" or path.stem.startswith("test_provider"):
        return path.stem
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, pytest.TestReport]:
    report = yield
    if COMPLETE and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out in the complete form of the tests: {reason}"
    return report
