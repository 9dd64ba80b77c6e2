"""Why a process refuses to start."""

from __future__ import annotations


class StartError(Exception):
    """The service can't start as it is configured. The text is a sentence for a person: what, why, what to do."""


class UnknownAgentError(StartError):
    """No agent of that name is in this checkout or image."""
