"""Plans, applies, reads and imports mapped resource types; reads mapped data sources."""

from __future__ import annotations

import logging
from typing import Any

from localcloud.provider import data_sources, planning, resources
from localcloud.provider.aws import Aws
from localcloud.provider.errors import CreatedButFailed, ProviderError
from localcloud.provider.resource import Resource, unique_name
from localcloud.provider.schema.cache import SchemaCache
from localcloud.provider.schema.extract import Block
from localcloud.provider.settings import Settings
from localcloud.provider.values import UNKNOWN, Values, conform, known

logger = logging.getLogger(__name__)


class Engine:
    """One configured provider. Methods run on several threads at once and share nothing but API clients."""

    def __init__(self, schema: SchemaCache, settings: Settings) -> None:
        self._schema = schema
        self._settings = settings
        self._aws = Aws(settings)

    def check_account(self) -> None:
        """Raises ProviderError when there is no endpoint on this machine, or the account behind it is a wrong one."""
        self._settings.endpoint("sts")
        allowed, forbidden = self._settings.allowed_account_ids, self._settings.forbidden_account_ids
        if not allowed and not forbidden:
            return
        account = self._aws.account_id
        if (allowed and account not in allowed) or account in forbidden:
            wanted = f"one of {', '.join(allowed)}" if allowed else f"any but {', '.join(forbidden)}"
            raise ProviderError(
                f"The credentials belong to account {account}, the provider block wants {wanted}.",
                "Check account_id of this environment in environments/, and which credentials are active.",
                ["allowed_account_ids" if allowed else "forbidden_account_ids"],
            )

    def plan(
        self, type_name: str, *, prior: Values | None, proposed: Values | None, config: Values | None
    ) -> tuple[Values | None, list[str]]:
        """The planned state (None: gone) and the attributes that need a replacement."""
        if proposed is None:
            return None, []
        resource, block = self._find(type_name)
        planning.refuse_unmapped(resource, config or {})
        return planning.plan(resource, block, self._settings, prior, proposed, config or {})

    def apply(
        self, type_name: str, *, prior: Values | None, planned: Values | None, config: Values | None
    ) -> Values | None:
        """Creates, updates or deletes. Returns the new state (None: gone)."""
        resource, block = self._find(type_name)
        if planned is None:
            if prior is not None:
                resource.delete(self._in_region(prior), prior)
            return None
        write_only = {
            name: (config or {}).get(name)
            for name, attribute in block["attributes"].items()
            if attribute.get("write_only")
        }
        if prior is None:
            return self._create(resource, block, planned, write_only)
        return self._update(resource, block, prior, planned, write_only)

    def _create(self, resource: Resource, block: Block, planned: Values, write_only: Values) -> Values:
        aws = self._in_region(planned)
        values = {**known(planned), **write_only}
        if resource.generated_name:
            name, prefix, limit = resource.generated_name
            if not values.get(name):
                values[name] = unique_name(values.get(prefix), limit)
        made = {**values, **resource.create(aws, values), **dict.fromkeys(write_only)}
        try:
            resource.complete(aws, values, made)
            observed = self._read(resource, aws, made)
        except Exception as error:
            raise CreatedButFailed(
                _sentence(resource, error), self._what_there_is(resource, block, aws, made)
            ) from error
        if observed is None:
            raise ProviderError(
                f"{resource.type_name} was created but is not there: the emulator lost it.", "Run it again."
            )
        return conform(planning.settle(resource, planned, {**made, **observed}), block)

    def _what_there_is(self, resource: Resource, block: Block, aws: Aws, state: Values) -> Values:
        """The state to remember after an error: what the API says, or what is known when it says nothing."""
        try:
            observed = self._read(resource, aws, state)
        except Exception:
            logger.exception("%s can't be read after the error", resource.type_name)
            observed = None
        fresh = planning.refresh(resource, block, self._settings, state, observed) if observed else state
        return conform(fresh, block)

    def _update(
        self, resource: Resource, block: Block, prior: Values, planned: Values, write_only: Values
    ) -> Values:
        aws = self._in_region(prior)
        values = {**known(planned), **write_only}
        changed = {
            name for name in planned if planned[name] is not UNKNOWN and planned[name] != prior.get(name)
        }
        moved: Values = {}
        try:
            if changed - {"tags", "tags_all"}:
                moved = resource.update(aws, prior, values, changed - {"tags", "tags_all"}) or {}
            if "tags_all" in planned and planned["tags_all"] != prior.get("tags_all"):
                had, wanted = prior.get("tags_all") or {}, values.get("tags_all") or {}
                put = {name: text for name, text in wanted.items() if had.get(name) != text}
                resource.change_tags(aws, prior, put, [name for name in had if name not in wanted])
        except Exception as error:
            # some of several calls may have been made
            raise CreatedButFailed(
                _sentence(resource, error), self._what_there_is(resource, block, aws, prior)
            ) from error
        observed = self._read(resource, aws, {**prior, **values, **moved})
        if observed is None:
            raise ProviderError(
                f"{resource.type_name} {prior.get('id')} disappeared while it was changed.", "Plan again."
            )
        return conform({**planning.settle(resource, planned, {**prior, **observed}), **moved}, block)

    def read(self, type_name: str, state: Values) -> Values | None:
        """The state as the API sees it now; None when the resource is gone."""
        resource, block = self._find(type_name)
        observed = self._read(resource, self._in_region(state), state)
        if observed is None:
            return None
        return conform(planning.refresh(resource, block, self._settings, state, observed), block)

    def start_import(self, type_name: str, identifier: str) -> Values:
        """The least state from which `read` finds the rest."""
        resource, block = self._find(type_name)
        return conform(
            {"region": self._settings.region, **resource.start_import(self._aws, identifier)}, block
        )

    def read_data(self, type_name: str, config: Values) -> Values:
        """The values of a data source."""
        block = self._schema.block("data", type_name)
        reader = data_sources.find(type_name)
        return conform({**config, **reader(self._aws.in_region(config.get("region")), config)}, block)

    @staticmethod
    def _read(resource: Resource, aws: Aws, state: Values) -> Values | None:
        return resource.read(aws, state)

    def _find(self, type_name: str) -> tuple[Resource, Block]:
        return resources.find(type_name), self._schema.block("resource", type_name)

    def _in_region(self, values: dict[str, Any]) -> Aws:
        return self._aws.in_region(known(values.get("region")))


def _sentence(resource: Resource, error: Exception) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    logger.error("%s failed", resource.type_name, exc_info=error)
    return ProviderError(
        f"The offline provider failed at {resource.type_name}: {type(error).__name__}: {error}.",
        "This is a defect of localcloud/provider; run again with TF_LOG_PROVIDER=DEBUG for the traceback.",
    )
