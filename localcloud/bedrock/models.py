"""The models that Bedrock knows, as far as the stand-in tells them apart (public documentation, November 2026)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from localcloud.bedrock.errors import BedrockError, invalid

GEOGRAPHY = re.compile(r"(?:us|eu|apac|jp|au|us-gov|global)\.")
PROFILE_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:(?P<kind>[a-z-]+)/(?P<name>.+)")


@dataclass(frozen=True)
class Model:
    """`max_tokens` is output tokens; `cache_minimum` is the shortest prefix, in tokens, that is cached."""

    id: str
    max_tokens: int = 64_000
    cache_minimum: int = 1024
    takes_sampling: bool = False
    always_thinks: bool = False
    ended: bool = False


MODELS = {
    model.id: model
    for model in (
        Model("anthropic.claude-haiku-5-5"),
        Model("anthropic.claude-sonnet-5-5", always_thinks=True),
        Model("anthropic.claude-haiku-4-5-20251001-v1:0", cache_minimum=4096, takes_sampling=True),
        Model("anthropic.claude-sonnet-4-6", takes_sampling=True),
        Model("anthropic.claude-3-5-sonnet-20241022-v2:0", max_tokens=8192, takes_sampling=True, ended=True),
        Model("anthropic.claude-3-5-sonnet-20240620-v1:0", max_tokens=8192, takes_sampling=True, ended=True),
    )
}


def find(model_id: str) -> Model:
    """The model of an id, an inference profile or an ARN. Raises BedrockError as Bedrock does.

    An application inference profile's ARN doesn't tell the model: it passes as one without restrictions.
    """
    name = model_id
    if arn := PROFILE_ARN.fullmatch(model_id):
        name = arn["name"]
        if arn["kind"] == "application-inference-profile":
            return Model(model_id, takes_sampling=True)
    model = MODELS.get(GEOGRAPHY.sub("", name, count=1) if GEOGRAPHY.match(name) else name)
    if model is None:
        raise invalid("The provided model identifier is invalid.")
    if model.ended:
        raise BedrockError(
            "ResourceNotFoundException",
            "This model version has reached the end of its life. Please refer to the AWS documentation for more "
            "details.",
        )
    return model
