"""Destroying leaves nothing: no process, no file outside `.local`."""

from __future__ import annotations

import pytest

from tests.local.checkout import Checkout

pytestmark = pytest.mark.local


def test_without_a_terminal_it_wants_a_yes(deployed: Checkout) -> None:
    result = deployed.inv("destroy", "--env", "local")
    assert result.status == 1
    assert "--yes" in result.out
    assert deployed.status()["healthy"]


def test_destroy_leaves_nothing(deployed: Checkout) -> None:
    result = deployed.inv("destroy", "--env", "local", "--yes")
    assert result.status == 0, result.text
    assert "destroyed local" in result.out
    assert not deployed.told()
    left = {name for name in deployed.files() - deployed.before if not name.startswith(".tools/")}
    assert not left
    cloud = deployed.local / "cloud"
    assert not [path for path in cloud.rglob("*") if path.is_file()] if cloud.exists() else True
    again = deployed.inv("destroy", "--env", "local", "--yes")
    assert again.status == 0
    assert "nothing to destroy" in again.out
