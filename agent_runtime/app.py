"""The ASGI application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import health, invocations, problems
from agent_runtime.envelope import Envelope, Mount, request_id
from agent_runtime.service import Service


def create_app(service: Service) -> FastAPI:
    """The application that serves one agent, under `/` and under `/agents/<agent>/`."""
    facts = service.deployment
    app = FastAPI(
        title=facts.agent,
        version=facts.version,
        summary=f"The agent {facts.agent}, over HTTP",
        redoc_url=None,
        # Validation errors become problems of ours, so FastAPI's own 422 is not in the contract.
        separate_input_output_schemas=False,
    )
    app.include_router(invocations.router(service))
    app.include_router(health.router(service))
    app.add_exception_handler(problems.Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    # The last one added is the outermost.
    app.add_middleware(Envelope)
    app.add_middleware(Mount, prefix=f"/agents/{facts.agent}")
    if service.keys is not None:
        _declare_keys(app)
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


def _declare_keys(app: FastAPI) -> None:
    generate = app.openapi

    def with_keys() -> dict[str, object]:
        document = generate()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"ApiKey": {"type": "http", "scheme": "bearer"}}
        return document

    app.openapi = with_keys  # type: ignore[method-assign]
