"""Errors as Bedrock's runtime answers them."""

from __future__ import annotations

STATUS = {
    "AccessDeniedException": 403,
    "InternalServerException": 500,
    "ModelErrorException": 424,
    "ModelTimeoutException": 408,
    "ResourceNotFoundException": 404,
    "ServiceUnavailableException": 503,
    "ThrottlingException": 429,
    "UnknownOperationException": 404,
    "ValidationException": 400,
}


class BedrockError(Exception):
    """An error with the name that boto3 raises it under, and Bedrock's message."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.name]


def invalid(message: str) -> BedrockError:
    """A ValidationException."""
    return BedrockError("ValidationException", message)
