"""How a load balancer, an orchestrator and AgentCore ask whether the process is well. None of it waits for work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from agent_runtime import contract, problems
from agent_runtime.service import Service


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    agent: str
    version: str
    environment: str


class Ready(BaseModel):
    status: Literal["ready"] = "ready"


class Ping(BaseModel):
    status: Literal["Healthy", "HealthyBusy"]
    time_of_last_update: int


def router(service: Service) -> APIRouter:
    """The routes, bound to one service."""
    routes = APIRouter()

    @routes.get("/health", summary="The process is up", responses=contract.answers(Health))
    async def health() -> Response:
        facts = service.deployment
        return _json(Health(agent=facts.agent, version=facts.version, environment=facts.environment))

    @routes.get(
        "/ready",
        summary="It takes invocations: the agent is built, secrets are loaded, and it is not stopping",
        responses=contract.answers(Ready, problems.NOT_READY, problems.DRAINING),
    )
    async def ready() -> Response:
        service.check_ready()
        return _json(Ready())

    @routes.get("/ping", summary="AgentCore's health check", responses=contract.answers(Ping))
    async def ping() -> Response:
        busy = service.slots.in_flight > 0
        status: Literal["Healthy", "HealthyBusy"] = "HealthyBusy" if busy else "Healthy"
        return _json(Ping(status=status, time_of_last_update=service.status_changed))

    return routes


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")
