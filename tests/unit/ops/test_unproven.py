"""What only a real account can show is written once, and names commands and checks that exist."""

from __future__ import annotations

import re

from invoke import Collection

import tasks
from ops import unproven
from ops.doctor import ACCOUNT_CHECKS


def test_the_page_is_made_from_its_source() -> None:
    assert unproven.PAGE.read_text("utf-8") == unproven.page(), "Run `python -m ops.unproven`."


def test_each_command_exists() -> None:
    known = set(Collection.from_module(tasks).task_names)
    named = {name for one in unproven.claims() for name in re.findall(r"\./inv ([a-z-]+)", one.shown_by)}
    assert named
    assert named <= known


def test_each_check_exists() -> None:
    named = {one.doctor for one in unproven.claims() if one.doctor}
    assert named
    assert named <= set(ACCOUNT_CHECKS)
