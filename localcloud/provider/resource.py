"""What a mapped resource type has to say and do."""

from __future__ import annotations

import secrets
import time
from typing import Any, ClassVar

from localcloud.provider.arguments import Argument, Values, send
from localcloud.provider.aws import Aws


class Resource:
    """A resource type of the provider. Subclasses map it onto API calls; `localcloud/provider/engine.py` does the rest.

    `values` are Terraform's: everything known, unset arguments are None, absent blocks are empty lists.
    """

    type_name: ClassVar[str]
    arguments: ClassVar[tuple[Argument, ...]]
    #: Groups of arguments of which at most one may be configured.
    conflicts: ClassVar[tuple[tuple[str, ...], ...]] = ()
    #: Groups of arguments of which at least one has to be.
    one_of: ClassVar[tuple[tuple[str, ...], ...]] = ()
    #: Computed attributes that any update may change.
    volatile: ClassVar[tuple[str, ...]] = ()
    #: Attribute and prefix argument for a type whose name Terraform can make up, and the longest name.
    generated_name: ClassVar[tuple[str, str, int] | None] = None

    def create(self, aws: Aws, values: Values) -> Values:
        """Creates it by one call. Returns at least `id`; whatever follows belongs in `complete`."""
        raise NotImplementedError

    def complete(self, aws: Aws, values: Values, state: Values) -> None:
        """What `create`'s call can't set. When it fails, the resource stays in the state and is replaced next time."""

    def read(self, aws: Aws, state: Values) -> Values | None:
        """What the API says: arguments, computed attributes, `tags_all`. None when it is gone.

        An attribute that is not in the answer keeps the state's value.
        """
        raise NotImplementedError

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> Values | None:
        """Sends what changed; tags come separately. Returns attributes that the update itself gave another
        value, if any."""

    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        """Sets and removes tags."""

    def delete(self, aws: Aws, state: Values) -> None:
        """Deletes it; that it is gone already is no error."""
        raise NotImplementedError

    def start_import(self, aws: Aws, identifier: str) -> Values:
        """What `read` needs to find the resource that `terraform import` names."""
        return {"id": identifier}

    def request(self, values: Values, only: list[str] | None = None) -> Values:
        """The part of an API request that the mapped arguments amount to."""
        return send(self.arguments, values, only)

    def argument(self, name: str) -> Argument | None:
        """The mapping of a top-level argument."""
        return next((argument for argument in self.arguments if argument.name == name), None)


def tag_list(
    tags: dict[str, str] | None, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]] | None:
    """Tags as most APIs take them; None when there are none."""
    return [{key: name, value: text} for name, text in sorted((tags or {}).items())] or None


def tag_map(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as Terraform keeps them. AWS's own (`aws:…`) belong to nobody's configuration."""
    return {tag[key]: tag.get(value, "") for tag in tags or [] if not tag[key].startswith("aws:")}


def unique_name(prefix: str | None, limit: int) -> str:
    """A name that no other resource has: `prefix`, the time, and chance, cut to `limit` characters."""
    suffix = time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(5)
    prefix = prefix or "terraform-"
    return prefix + suffix[-(limit - len(prefix)) :] if len(prefix) < limit else prefix[:limit]
