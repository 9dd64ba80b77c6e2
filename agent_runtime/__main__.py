"""`python -m agent_runtime <agent>`: serve an agent over HTTP."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

from agent_runtime import collector
from agent_runtime.errors import StartError, UnknownAgentError

if TYPE_CHECKING:
    from agent_runtime.settings import Settings

FAILED = 1
MISUSED = 2

HELP = """Settings are environment variables: HOST, PORT, AGENT_ENVIRONMENT, AGENT_VERSION, AGENT_MODEL_ID,
AGENT_CONCURRENCY, AGENT_TIMEOUT_SECONDS, AGENT_API_KEYS_SECRET, AGENT_REQUIRE_AUTH, AGENT_SESSION_STORE, and
AWS's own (AWS_REGION, AWS_ENDPOINT_URL_BEDROCK_RUNTIME, ...). agent_runtime/settings.py has them all."""


def main(arguments: list[str] | None = None) -> int:
    """Serve; return only when that fails."""
    started = time.monotonic()
    collector.pause()
    from agent_runtime import loading, settings

    parser = argparse.ArgumentParser(
        prog="python -m agent_runtime", description="Serve an agent over HTTP.", epilog=HELP
    )
    parser.add_argument(
        "agent",
        nargs="?",
        default=os.environ.get("AGENT_NAME"),
        help=f"one of: {', '.join(loading.available()) or 'none found'} (default: the variable AGENT_NAME)",
    )
    agent = parser.parse_args(arguments).agent
    if not agent:
        parser.error("name an agent, or set AGENT_NAME")
    try:
        loading.find(agent)
        chosen = settings.load()
    except UnknownAgentError as error:
        print(error, file=sys.stderr)
        return MISUSED
    except StartError as error:
        return _refused(error, MISUSED)
    return _start(agent, chosen, started)


def _start(agent: str, chosen: Settings, started: float) -> int:
    from agent_runtime import imports, logs

    logs.configure(chosen.log_level, exception_text=chosen.log_exception_text)
    try:
        # Imported here: it takes a moment, which a wrong setting or name should not cost.
        with imports.models_built_late():
            import fastapi  # noqa: F401
        from agent_runtime import server

        server.serve(server.prepare(agent, chosen), started)
    except StartError as error:
        return _refused(error, MISUSED)
    except Exception as error:
        # Nobody has said anything yet, so the text can hold nothing private.
        logs.logger.critical(
            "start failed", agent=agent, version=chosen.version, **logs.describe(error, with_text=True)
        )
        return FAILED
    return 0


def _refused(error: StartError, status: int) -> int:
    from agent_runtime import logs

    logs.configure()
    logs.logger.critical("start refused", error=str(error))
    return status


if __name__ == "__main__":
    sys.exit(main())
