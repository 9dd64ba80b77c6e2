"""What all models of settings share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Unknown keys are refused, and so is a value of another type: `"30"` is not `30`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Seconds = Annotated[int, Field(description="seconds, a whole number without a unit", gt=0)]
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=32, description="lower case, digits and hyphens"
    ),
]
