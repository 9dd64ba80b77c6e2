"""Checks of a configuration that the schema can't express; they run in `terraform validate` and in mocked tests too.

The real provider has many more. These are the cheap ones, for mapped types: a wrong word, two arguments that
exclude each other, a policy that is not JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from localcloud.provider import resources
from localcloud.provider.arguments import JSON, POLICY, Argument, Values
from localcloud.provider.errors import ProviderError
from localcloud.provider.values import has_unknown, is_set

Path = tuple[str | int, ...]


def check(type_name: str, config: Values) -> list[ProviderError]:
    """What is wrong with the configuration of a resource; nothing for a type that is not mapped."""
    resource = resources.mapped().get(type_name)
    if resource is None:
        return []
    found = list(_check_block(resource.arguments, config, ()))
    for group in resource.conflicts:
        configured = [name for name in group if is_set(config.get(name))]
        if len(configured) > 1:
            found.append(
                ProviderError(
                    f"{' and '.join(configured)} exclude each other in {type_name}.",
                    "Keep one of them.",
                    [configured[1]],
                )
            )
    for group in resource.one_of:
        if not any(is_set(config.get(name)) for name in group):
            found.append(
                ProviderError(f"{type_name} needs one of {', '.join(group)}.", "Add the one that is meant.")
            )
    return found


def _check_block(arguments: Iterable[Argument], config: Values, path: Path) -> Iterator[ProviderError]:
    for argument in arguments:
        value = config.get(argument.name)
        here = (*path, argument.name)
        if not is_set(value) or (not argument.block and has_unknown(value)):
            continue
        if argument.block:
            for position, member in enumerate(value if isinstance(value, list) else []):
                if isinstance(member, dict):
                    yield from _check_block(argument.block, member, (*here, position))
        elif argument.choices and value != "" and value not in argument.choices:
            allowed = ", ".join(map(str, argument.choices))
            yield ProviderError(f"expected {argument.name} to be one of {allowed}; got {value}", "", here)
        elif argument.kind in (JSON, POLICY) and value != "":
            try:
                json.loads(value)
            except (TypeError, ValueError) as error:
                yield ProviderError(
                    f"{argument.name} is not JSON: {error}.", "Use jsonencode() or a policy document.", here
                )
