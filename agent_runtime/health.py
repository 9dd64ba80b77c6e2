"""How a load balancer, an orchestrator and AgentCore ask whether the process is well. None of it waits for work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from agent_runtime import problems
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

    @routes.get("/health", summary="The process is up")
    async def health() -> Health:
        facts = service.deployment
        return Health(agent=facts.agent, version=facts.version, environment=facts.environment)

    @routes.get(
        "/ready",
        summary="It takes invocations: the agent is built, secrets are loaded, and it is not stopping",
        responses=problems.openapi(problems.DRAINING),
    )
    async def ready() -> Ready:
        service.check_draining()
        return Ready()

    @routes.get("/ping", summary="AgentCore's health check")
    async def ping() -> Ping:
        busy = service.slots.in_flight > 0
        return Ping(status="HealthyBusy" if busy else "Healthy", time_of_last_update=service.status_changed)

    return routes
