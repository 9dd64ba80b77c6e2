"""Where things are: the checkout, what is derived from it, and the state of local environments."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

TOOLS = ROOT / ".tools"
"""What can be made again at any time: environments, binaries, the provider's schema. Survives `destroy`."""


def local() -> Path:
    """The state of this machine's environments: `.local`, or what `VITRACKA_LOCAL_DIR` names."""
    override = os.environ.get("VITRACKA_LOCAL_DIR")
    return Path(override).resolve() if override else ROOT / ".local"
