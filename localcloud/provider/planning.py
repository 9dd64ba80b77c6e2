"""From a configuration to a plan, and from an API's answer to a state. No calls here: only values."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from localcloud.provider.arguments import Argument, is_blank
from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import Resource
from localcloud.provider.schema.extract import Block
from localcloud.provider.settings import Settings
from localcloud.provider.values import UNKNOWN, Values, has_unknown, is_set

#: Arguments that every type has and the engine handles.
_COMMON = {"region", "tags", "tags_all", "timeouts"}


def refuse_unmapped(resource: Resource, config: Values) -> None:
    """Raises ProviderError for a configured argument that would not be sent."""
    _refuse(resource, resource.arguments, config, [])


def _refuse(
    resource: Resource, arguments: tuple[Argument, ...], config: Values, path: list[str | int]
) -> None:
    mapped = {argument.name: argument for argument in arguments}
    for name, value in config.items():
        if not is_set(value) or (not path and name in _COMMON):
            continue
        argument = mapped.get(name)
        where = ".".join(str(step) for step in [*path, name] if not isinstance(step, int))
        file = type(resource).__module__.replace(".", "/") + ".py"
        if argument is None:
            raise ProviderError(
                f"The offline provider would not send {resource.type_name}.{where} to the emulator.",
                f"Leave the argument out for this environment, or map it in {file}.",
                [*path, name],
            )
        if argument.only_default and value is not UNKNOWN and value != argument.default:
            raise ProviderError(
                f"The offline provider only knows {resource.type_name}.{where} = {argument.default!r}, not {value!r}.",
                f"Use that value for this environment, or map the argument in {file}.",
                [*path, name],
            )
        if argument.block and isinstance(value, list):
            if len(value) > 1 and not argument.many:
                raise ProviderError(
                    f"The offline provider would send only the first block of {resource.type_name}.{where}.",
                    f"Keep one, or map several in {file}.",
                    [*path, name, 1],
                )
            for position, member in enumerate(value):
                if isinstance(member, dict):
                    _refuse(resource, argument.block, member, [*path, name, position])


def plan(
    resource: Resource,
    block: Block,
    settings: Settings,
    prior: Values | None,
    proposed: Values,
    config: Values,
) -> tuple[Values, list[str]]:
    """The planned state, and the attributes whose change needs another resource."""
    planned = copy.deepcopy(proposed)
    attributes = block["attributes"]
    for name, attribute in attributes.items():
        if attribute.get("write_only"):
            planned[name] = None
    if "region" in attributes and planned["region"] is None:
        planned["region"] = settings.region
    if "tags_all" in attributes:
        planned["tags_all"] = all_tags(settings, planned.get("tags"))
    _apply_defaults(resource.arguments, planned)
    if prior is None:
        _mark_computed(block, planned)
        return planned, []

    for argument in resource.arguments:
        _keep_prior(argument, block, prior, planned)
    changed = {name for name in planned if planned[name] != prior.get(name)}
    if changed:
        for name in resource.volatile:
            planned[name] = UNKNOWN
    replace = [
        argument.name for argument in resource.arguments if argument.replace and argument.name in changed
    ]
    if "region" in changed:
        replace.append("region")
    return planned, replace


def all_tags(settings: Settings, tags: Any) -> Any:
    """A resource's tags together with the provider's default tags."""
    if has_unknown(tags) or has_unknown(settings.default_tags):
        return UNKNOWN
    return {**settings.default_tags, **(tags or {})}


def _apply_defaults(arguments: Iterable[Argument], planned: Values) -> None:
    for argument in arguments:
        value = planned.get(argument.name)
        if value is None and argument.default is not None:
            planned[argument.name] = argument.default
        elif argument.block and isinstance(value, list):
            for member in value:
                if isinstance(member, dict):
                    _apply_defaults(argument.block, member)


def _mark_computed(block: Block, planned: Values) -> None:
    """What nobody configured and the API decides is not known before the apply."""
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and planned.get(name) is None:
            planned[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        value = planned.get(name)
        for member in value if isinstance(value, list) else []:
            if isinstance(member, dict):
                _mark_computed(nested["block"], member)


def _keep_prior(argument: Argument, block: Block, prior: Values, planned: Values) -> None:
    """Keeps the state's value where the plan says the same in other words, and marks what new nested blocks
    will compute."""
    name = argument.name
    had, wanted = prior.get(name), planned.get(name)
    if argument.block:
        nested = block["block_types"].get(name)
        if argument.computed_block and not wanted and had:
            planned[name] = had
        elif nested and isinstance(wanted, list) and isinstance(had, list):
            planned[name] = _match_members(argument, nested["block"], had, wanted)
    elif not has_unknown(wanted) and (
        argument.same(had, wanted) or (is_blank(had) and is_blank(wanted) and wanted is None)
    ):
        planned[name] = had


def _match_members(argument: Argument, nested: Block, had: list[Any], wanted: list[Any]) -> list[Any]:
    """Each planned member as the state has it, when only what the API computes or the spelling differs."""
    left, members = list(had), []
    for member in wanted:
        twin = next(
            (index for index, old in enumerate(left) if _is_twin(argument, nested, old, member)), None
        )
        if twin is None:
            if isinstance(member, dict):
                _mark_computed(nested, member)
            members.append(member)
        else:
            members.append(left.pop(twin))
    return members


def _is_twin(argument: Argument, nested: Block, old: Any, member: Any) -> bool:
    if not (isinstance(old, dict) and isinstance(member, dict)):
        return old == member
    for inner in argument.block:
        had, wanted = old.get(inner.name), member.get(inner.name)
        if inner.block:
            block = nested["block_types"].get(inner.name)
            if (
                block is None
                or not isinstance(had, list)
                or not isinstance(wanted, list)
                or len(had) != len(wanted)
            ):
                return False
            if not all(any(_is_twin(inner, block["block"], one, two) for one in had) for two in wanted):
                return False
        elif wanted is None and nested["attributes"].get(inner.name, {}).get("computed"):
            continue
        elif has_unknown(wanted) or not (inner.same(had, wanted) or (is_blank(had) and is_blank(wanted))):
            return False
    return True


def settle(resource: Resource, planned: Values, observed: Values) -> Values:
    """The state after an apply: what was planned, with the API's answers where the plan could not know."""
    state: Values = {}
    for name, value in planned.items():
        argument = resource.argument(name)
        if argument is not None and argument.computed_block and not value:
            state[name] = observed.get(name) or []
        else:
            state[name] = _fill(value, observed.get(name))
    return state


def _fill(planned: Any, observed: Any) -> Any:
    if planned is UNKNOWN:
        return observed
    if isinstance(planned, dict):
        answers = observed if isinstance(observed, dict) else {}
        return {name: _fill(value, answers.get(name)) for name, value in planned.items()}
    if isinstance(planned, list):
        if not has_unknown(planned):
            return planned
        answers = observed if isinstance(observed, list) else []
        return [
            _fill(member, _counterpart(member, position, answers)) for position, member in enumerate(planned)
        ]
    return planned


def _counterpart(member: Any, position: int, answers: list[Any]) -> Any:
    """The answer that belongs to a planned member: the one that agrees with all that is known of it, else the
    one at its place."""
    if isinstance(member, dict):
        for answer in answers:
            if isinstance(answer, dict) and all(
                answer.get(name) == value
                for name, value in member.items()
                if is_set(value) and not has_unknown(value)
            ):
                return answer
    return answers[position] if position < len(answers) else None


def refresh(resource: Resource, block: Block, settings: Settings, state: Values, observed: Values) -> Values:
    """The state as the API sees it now; where both say the same, the state's own spelling stays."""
    fresh = dict(state)
    for name, got in observed.items():
        if name in ("tags", "tags_all"):
            continue
        argument = resource.argument(name)
        if name in block["attributes"]:
            fresh[name] = _fresh_attribute(argument, block["attributes"][name], state.get(name), got)
        elif name in block["block_types"] and argument is not None:
            fresh[name] = _fresh_members(
                argument, block["block_types"][name], state.get(name) or [], got or []
            )
    for argument in resource.arguments:  # an import knows nothing of what can't be read
        unreadable = argument.terraform_only or argument.only_default
        if unreadable and argument.default is not None and fresh.get(argument.name) is None:
            fresh[argument.name] = argument.default
    if "tags_all" in block["attributes"] and "tags_all" in observed:
        fresh["tags_all"], fresh["tags"] = (
            observed["tags_all"],
            _own_tags(settings, state.get("tags"), observed["tags_all"]),
        )
    if "region" in block["attributes"] and fresh.get("region") is None:
        fresh["region"] = settings.region
    return fresh


def _fresh_attribute(argument: Argument | None, attribute: Values, had: Any, got: Any) -> Any:
    if argument is not None and argument.same(had, got):
        return had
    optional_only = not attribute.get("computed") and (argument is None or argument.default is None)
    if is_blank(had) and is_blank(got) and (had is not None or optional_only):
        return had
    return got


def _fresh_members(argument: Argument, nested: Block, had: list[Any], got: list[Any]) -> list[Any]:
    if not had or not got or not argument.block:
        return got
    left, members = list(had), []
    for position, answer in enumerate(got):
        merged = [_fresh_block(argument, nested["block"], old, answer) for old in left]
        # the member of the state that this answer is, if there is one; else, in a list, the one at the same place
        index = next((index for index, member in enumerate(merged) if member == left[index]), None)
        if index is None:
            in_place = nested["nesting_mode"] == "list" and len(had) == len(got)
            members.append(
                _fresh_block(argument, nested["block"], had[position], answer) if in_place else answer
            )
        else:
            members.append(left.pop(index))
    if len(members) == len(had) and all(member in had for member in members):
        return had
    return members


def _fresh_block(argument: Argument, block: Block, had: Values, got: Values) -> Values:
    fresh = dict(had)
    for inner in argument.block:
        if inner.name not in got:
            continue
        if inner.block:
            nested = block["block_types"][inner.name]
            fresh[inner.name] = _fresh_members(
                inner, nested, had.get(inner.name) or [], got[inner.name] or []
            )
        else:
            attribute = block["attributes"][inner.name]
            fresh[inner.name] = _fresh_attribute(inner, attribute, had.get(inner.name), got[inner.name])
    return fresh


def _own_tags(
    settings: Settings, own: dict[str, str] | None, observed: dict[str, str]
) -> dict[str, str] | None:
    """The tags that are the resource's own: all but those that the provider's default tags explain."""
    left = {
        name: value
        for name, value in observed.items()
        if name in (own or {}) or settings.default_tags.get(name) != value
    }
    return left or own if not left and not own else left
