"""The ASGI application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import contract, health, invocations, page, problems
from agent_runtime.envelope import Envelope, Mount, request_id
from agent_runtime.messages import Answer
from agent_runtime.service import Service


def create_app(service: Service) -> FastAPI:
    """The application that serves one agent, under `/` and under `/agents/<agent>/`."""
    facts = service.deployment
    app = FastAPI(
        title=facts.agent,
        version=facts.version,
        summary=f"The agent {facts.agent}, over HTTP",
        # Both would load their scripts from somebody else's server.
        docs_url=None,
        redoc_url=None,
        # Ours leaves out health checks and exceptions' texts, and takes less of the processor.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
        # Validation errors become problems of ours, so FastAPI's own 422 is not in the contract.
        separate_input_output_schemas=False,
    )
    app.include_router(invocations.router(service))
    app.include_router(health.router(service))
    if service.settings.page:
        app.include_router(page.router(service))
    app.add_exception_handler(problems.Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    # The last one added is the outermost.
    app.add_middleware(Mount, prefix=f"/agents/{facts.agent}")
    app.add_middleware(Envelope, service=service)
    contract.declare(app, Answer, health.Health, health.Ready, health.Ping, keys=service.settings.secured)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, problems.Problem)
    return error.response(request_id(request))


async def _http_exception(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)
    kinds = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}
    kind = kinds.get(error.status_code, problems.BAD_REQUEST)
    return problems.Problem(kind, headers=error.headers or {}).response(request_id(request))
