"""One deployed checkout for each file of tests; each test leaves it deployed and healthy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.checkout import Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout(Path(tmp_path_factory.mktemp("checkout")))
    try:
        yield made
    finally:
        made.end_everything()


@pytest.fixture(scope="module")
def first(checkout: Checkout) -> dict[str, Any]:
    """What the first deploy into the empty checkout said."""
    return checkout.deploy()


@pytest.fixture
def deployed(checkout: Checkout, first: dict[str, Any]) -> Checkout:
    """The checkout with test-agent deployed from it as it is now."""
    if not (status := checkout.status())["healthy"] or status["agents"][0]["running"] != 2:
        checkout.deploy()
    return checkout
