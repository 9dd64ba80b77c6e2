"""Answers Terraform's RPCs: decodes, asks the engine, encodes, and turns every exception into a diagnostic."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from localcloud.provider import values, wire
from localcloud.provider.errors import CreatedButFailed, ProviderError
from localcloud.provider.schema.cache import SchemaCache
from localcloud.provider.settings import Settings

if TYPE_CHECKING:
    from localcloud.provider.engine import Engine

logger = logging.getLogger(__name__)


class ProviderService:
    """One instance serves one Terraform command; its methods run on several threads."""

    def __init__(self, schema: SchemaCache) -> None:
        self._schema = schema
        self._engine: Engine | None = None

    def schema_response(self) -> bytes:
        """The whole provider's schema."""
        return self._schema.response()

    def answer(self, rpc: str, request: Any) -> Any:
        """The response to one request. Never raises: what went wrong is a diagnostic in the response."""
        try:
            return getattr(self, f"_{rpc}")(request)
        except ProviderError as error:
            return self._failed(rpc, request, error)
        except Exception as error:  # a defect here must name itself, and must not lose what was created
            logger.exception("%s failed", rpc)
            type_name = getattr(request, "type_name", "") or "the provider"
            cause = ProviderError(
                f"The offline provider failed in {rpc} of {type_name}: {type(error).__name__}: {error}.",
                "This is a defect of localcloud/provider; run again with TF_LOG_PROVIDER=DEBUG for the traceback.",
            )
            return self._failed(rpc, request, cause)

    def _failed(self, rpc: str, request: Any, error: ProviderError) -> Any:
        response = wire.message(f"{rpc}Response")
        if rpc == "StopProvider":
            response.error = str(error)
            return response
        response.diagnostics.append(diagnostic(error))
        if rpc == "ApplyResourceChange":
            kept = error.state if isinstance(error, CreatedButFailed) else values.decode(request.prior_state)
            response.new_state.CopyFrom(values.encode(kept))
            response.private = request.planned_private
            response.legacy_type_system = True
        return response

    # ---- the provider itself

    def _ValidateProviderConfig(self, request: Any) -> Any:
        return wire.message("ValidateProviderConfigResponse")

    def _ConfigureProvider(self, request: Any) -> Any:
        from localcloud.provider.engine import Engine

        settings = Settings.read(values.decode(request.config) or {})
        engine = Engine(self._schema, settings)
        engine.check_account()
        self._engine = engine
        return wire.message("ConfigureProviderResponse")

    def _StopProvider(self, request: Any) -> Any:
        # Every operation under way is a handful of calls to loopback: it is finished, so that the state tells
        # the truth.
        return wire.message("StopProviderResponse")

    def _GetFunctions(self, request: Any) -> Any:
        return wire.message("GetFunctionsResponse")

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise ProviderError(
                "The provider was asked for a resource before it was configured.",
                "Report this to its maintainers.",
            )
        return self._engine

    # ---- resources

    def _ValidateResourceConfig(self, request: Any) -> Any:
        from localcloud.provider import validation

        found = validation.check(request.type_name, values.decode(request.config) or {})
        return wire.message(
            "ValidateResourceConfigResponse", diagnostics=[diagnostic(error) for error in found]
        )

    def _UpgradeResourceState(self, request: Any) -> Any:
        block = self._schema.block("resource", request.type_name)
        state = values.conform(json.loads(request.raw_state.json), block)
        return wire.message("UpgradeResourceStateResponse", upgraded_state=values.encode(state))

    def _ReadResource(self, request: Any) -> Any:
        state = self.engine.read(request.type_name, values.decode(request.current_state))
        return wire.message("ReadResourceResponse", new_state=values.encode(state), private=request.private)

    def _PlanResourceChange(self, request: Any) -> Any:
        planned, replace = self.engine.plan(
            request.type_name,
            prior=values.decode(request.prior_state),
            proposed=values.decode(request.proposed_new_state),
            config=values.decode(request.config),
        )
        return wire.message(
            "PlanResourceChangeResponse",
            planned_state=values.encode(planned),
            requires_replace=[attribute_path([name]) for name in replace],
            planned_private=request.prior_private,
            # As the real provider, which is built on the SDK: it may plan a default for an argument that is not set.
            legacy_type_system=True,
        )

    def _ApplyResourceChange(self, request: Any) -> Any:
        state = self.engine.apply(
            request.type_name,
            prior=values.decode(request.prior_state),
            planned=values.decode(request.planned_state),
            config=values.decode(request.config),
        )
        return wire.message(
            "ApplyResourceChangeResponse",
            new_state=values.encode(state),
            private=request.planned_private,
            legacy_type_system=True,
        )

    def _ImportResourceState(self, request: Any) -> Any:
        state = self.engine.start_import(request.type_name, request.id)
        imported = wire.message("ImportedResource", type_name=request.type_name, state=values.encode(state))
        return wire.message("ImportResourceStateResponse", imported_resources=[imported])

    # ---- data sources

    def _ValidateDataResourceConfig(self, request: Any) -> Any:
        return wire.message("ValidateDataResourceConfigResponse")

    def _ReadDataSource(self, request: Any) -> Any:
        state = self.engine.read_data(request.type_name, values.decode(request.config))
        return wire.message("ReadDataSourceResponse", state=values.encode(state))


def attribute_path(path: list[str | int]) -> Any:
    """Names and positions as the protocol's path."""
    steps = [
        wire.message("Step", element_key_int=step)
        if isinstance(step, int)
        else wire.message("Step", attribute_name=step)
        for step in path
    ]
    return wire.message("AttributePath", steps=steps)


def diagnostic(error: ProviderError) -> Any:
    """An error as Terraform prints it."""
    message = wire.message("Diagnostic", severity=wire.ERROR, summary=error.summary, detail=error.detail)
    if error.path:
        message.attribute.CopyFrom(attribute_path(list(error.path)))
    return message
