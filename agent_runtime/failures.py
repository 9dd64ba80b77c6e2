"""Turns what goes wrong inside an agent into a problem with a stable type."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)
from strands.types.exceptions import (
    ContextWindowOverflowException,
    EventLoopException,
    MaxTokensReachedException,
    ModelThrottledException,
)
from urllib3.exceptions import HTTPError

from agent_runtime import problems
from agent_runtime.logs import logger

MODEL_RETRY_SECONDS = 2
THROTTLING_CODES = {"ThrottlingException", "ServiceUnavailableException", "TooManyRequestsException"}
TIMEOUT_CODES = {"ModelTimeoutException"}


def failure(error: Exception, unknown: problems.Kind) -> problems.Problem:
    """The problem that an exception is, with a log line that says what it was."""
    cause = cause_of(error)
    problem = problem_of(cause, unknown)
    if cause is not problem:
        logger.warning(
            "invocation failed", problem=problem.kind.name, aws_error=code_of(cause), exc_info=cause
        )
    return problem


def cause_of(error: BaseException) -> BaseException:
    """What an agent's loop wrapped."""
    while isinstance(error, EventLoopException):
        error = error.original_exception
    return error


def problem_of(error: BaseException, unknown: problems.Kind) -> problems.Problem:
    """The problem that the caller is told of, of kind `unknown` where the exception is none of those expected.

    Nothing of the exception's text gets into it.
    """
    if isinstance(error, problems.Problem):
        return error
    if isinstance(error, ModelThrottledException):
        return problems.retry_after(problems.MODEL_THROTTLED, MODEL_RETRY_SECONDS)
    if isinstance(error, ContextWindowOverflowException):
        return problems.Problem(
            problems.CONVERSATION_TOO_LONG, "Start a new session or send a shorter prompt."
        )
    if isinstance(error, MaxTokensReachedException):
        return problems.Problem(problems.LIMIT_REACHED, "The answer grew longer than one answer may be.")
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        # Errors in mid-stream come with a small first letter.
        code = code[:1].upper() + code[1:]
        if code in THROTTLING_CODES:
            return problems.retry_after(problems.MODEL_THROTTLED, MODEL_RETRY_SECONDS)
        if code in TIMEOUT_CODES:
            return problems.Problem(problems.MODEL_TIMEOUT)
        return problems.Problem(problems.MODEL_FAILED)
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return problems.Problem(problems.MODEL_TIMEOUT)
    if isinstance(error, HTTPClientError | NoCredentialsError | BotoCoreError | HTTPError):
        return problems.Problem(problems.MODEL_FAILED)
    return problems.Problem(unknown)


def code_of(error: BaseException) -> str | None:
    """AWS's error code, which says what to do and holds nothing of a conversation."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code"))
    if isinstance(error.__cause__, ClientError):
        return code_of(error.__cause__)
    return None
