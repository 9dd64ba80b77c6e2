"""Reading settings: each mistake is named with its file, its key and what is allowed there."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ops.errors import SettingsError
from ops.paths import ROOT
from ops.settings.agent import Agent
from ops.settings.environment import Environment, Service

Model = TypeVar("Model", bound=BaseModel)


def environment_names(root: Path = ROOT) -> list[str]:
    """The environments that have a file, in alphabetical order."""
    return sorted(path.stem for path in (root / "environments").glob("*.toml"))


def agent_names(root: Path = ROOT) -> list[str]:
    """The agents that have a folder with an agent.toml, in alphabetical order."""
    return sorted(path.parent.name.replace("_", "-") for path in (root / "agents").glob("*/agent.toml"))


def load_environment(name: str, root: Path = ROOT) -> Environment:
    """`environments/<name>.toml`. Raises SettingsError."""
    path = root / "environments" / f"{name}.toml"
    if not path.is_file():
        raise SettingsError(
            f'There is no environment "{name}".',
            _did_you_mean(name, environment_names(root)),
            f"choose one of: {', '.join(environment_names(root))}",
        )
    environment = _read(path, Environment, root)
    if environment.name != name:
        raise SettingsError(
            f'{path.relative_to(root)}: name = "{environment.name}" differs from the file\'s name.',
            next_step=f'write name = "{name}"',
        )
    return environment


def load_agent(name: str, root: Path = ROOT) -> Agent:
    """`agents/<folder>/agent.toml` of the agent called `name`. Raises SettingsError."""
    path = root / "agents" / name.replace("-", "_") / "agent.toml"
    if not path.is_file():
        raise SettingsError(
            f'There is no agent "{name}".',
            _did_you_mean(name, agent_names(root)),
            f"choose one of: {', '.join(agent_names(root))}",
        )
    agent = _read(path, Agent, root)
    if agent.name != name:
        raise SettingsError(
            f'{path.relative_to(root)}: name = "{agent.name}" does not fit its folder.',
            next_step=f'write name = "{name}"',
        )
    unknown = sorted(set(agent.environments) - set(environment_names(root)))
    if unknown:
        raise SettingsError(
            f"{path.relative_to(root)}: [environments.{unknown[0]}] names an environment that does not exist.",
            next_step=f"use one of: {', '.join(environment_names(root))}",
        )
    return agent


def load_agents(names: list[str] | None = None, root: Path = ROOT) -> list[Agent]:
    """The agents called `names`, or all. Raises SettingsError, also where two share a listener priority."""
    everyone = [load_agent(name, root) for name in agent_names(root)]
    taken: dict[int, str] = {}
    for agent in everyone:
        if agent.listener_priority in taken:
            raise SettingsError(
                f"agents/{agent.folder}/agent.toml: listener_priority = {agent.listener_priority} is already "
                f"{taken[agent.listener_priority]}'s.",
                next_step=f"take {max(taken) + 10}",
            )
        taken[agent.listener_priority] = agent.name
    if not names:
        return everyone
    return [load_agent(name, root) for name in names]


def service_of(agent: Agent, environment: Environment) -> Service:
    """How `agent` runs in `environment`: the environment's values, and the agent's own where it has some.

    Raises SettingsError where both together are impossible.
    """
    own = agent.environments.get(environment.name)
    changed = own.model_dump(exclude_none=True) if own else {}
    try:
        return Service.model_validate({**environment.service.model_dump(), **changed})
    except ValidationError as error:
        where = f"agents/{agent.folder}/agent.toml, [environments.{environment.name}]"
        raise SettingsError(f"{where}:\n" + _explain(error, Service)) from error


def model_of(agent: Agent, environment: Environment) -> str:
    """The id by which `agent` calls its model in `environment`: an inference profile's where there is a geography."""
    profile = environment.models.profile
    return f"{profile}.{agent.model.id}" if profile else agent.model.id


def _read(path: Path, model: type[Model], root: Path) -> Model:
    shown = path.relative_to(root)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{shown} is not valid TOML: {error}.", next_step=f"correct {shown}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown} can't be read: {error}.") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SettingsError(
            f"{shown} has {_count(error.error_count())}:\n" + _explain(error, model),
            next_step=f"correct {shown}; nothing was touched",
        ) from error


def _count(number: int) -> str:
    return "a mistake" if number == 1 else f"{number} mistakes"


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    return "\n".join(f"  {_sentence(item, model)}" for item in error.errors(include_url=False))


def _sentence(item: dict, model: type[BaseModel]) -> str:
    location = item["loc"]
    key = ".".join(map(str, location)) or "(the file)"
    owner, field = _owner(model, location)
    if item["type"] == "extra_forbidden":
        allowed = sorted(owner.model_fields) if owner else []
        return (
            f"{key}: no such key. {_did_you_mean(str(location[-1]), allowed)} Allowed: {', '.join(allowed)}."
        )
    meaning = f" ({field.description})" if field is not None and field.description else ""
    if item["type"] == "missing":
        return f"{key}: is missing{meaning}."
    if item["type"] == "value_error":
        return f"{key}: {item['ctx']['error']}."
    message = item["msg"].replace("Input should be", "must be").rstrip(".")
    return f"{key} = {item['input']!r}: {message}{meaning}."


def _owner(model: type[BaseModel], location: tuple) -> tuple[type[BaseModel] | None, object]:
    """The model that holds the last key of `location`, and that key's field where there is one."""
    owner: type[BaseModel] | None = model
    for part in location[:-1]:
        owner = (
            _model_in(owner.model_fields[part].annotation) if owner and part in owner.model_fields else owner
        )
    field = owner.model_fields.get(str(location[-1])) if owner and location else None
    return owner, field


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation such as `LocalCloud | None` or `dict[str, Overrides]` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model), None)


def _did_you_mean(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f'Did you mean "{close[0]}"?' if close else ""
