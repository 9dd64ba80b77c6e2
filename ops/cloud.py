"""The account that an environment lives in: how it is reached, and by whom.

Everything that differs between AWS and an AWS on this machine is a value in here (an endpoint, an address), so
that what comes after makes the same calls to both.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from ops import paths
from ops.bootstrap import bare_environment
from ops.bootstrap import environment as tool_environment
from ops.console import Step
from ops.errors import OpsError
from ops.settings import Environment

# What could lead a process to credentials or endpoints other than the environment's own.
FOREIGN_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")


@dataclass
class Cloud:
    """A way into one account. `endpoint` is empty on AWS itself."""

    environment: Environment
    endpoint: str = ""
    registry_address: str = ""
    engine: str = "fargate"
    engine_note: str = ""
    builder: str = "docker"
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables by which a program reaches this account."""
    task_variables: dict[str, str] = field(default_factory=dict)
    """What an agent's task is told besides its settings."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session: boto3.Session | None = None

    def client(self, service: str) -> Any:
        """A boto3 client, one per service. Raises OpsError where no credentials can be had."""
        with self._lock:  # neither boto3.Session nor its client() is thread-safe
            if service not in self._clients:
                self._clients[service] = self._make_session().client(
                    service,
                    endpoint_url=self.endpoint or None,
                    config=Config(
                        connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 4}
                    ),
                )
            return self._clients[service]

    def _make_session(self) -> boto3.Session:
        if self._session is None:
            # A profile of the user's own is none of an account's that brings its credentials.
            no_profile = {"profile": (None, None, None, None)}
            core = botocore.session.Session(session_vars=no_profile if self.variables else None)
            if self.variables:
                core.set_credentials(
                    self.variables["AWS_ACCESS_KEY_ID"], self.variables["AWS_SECRET_ACCESS_KEY"]
                )
            self._session = boto3.Session(botocore_session=core, region_name=self.environment.region)
        return self._session

    def process_environment(self) -> dict[str, str]:
        """The environment for a program that works on this account, such as Terraform."""
        inherited = dict(os.environ)
        if self.variables:
            for name in FOREIGN_VARIABLES:
                inherited.pop(name, None)
        return {**inherited, "AWS_REGION": self.environment.region, **self.variables}


def open_cloud(environment: Environment, step: Step | None = None) -> Cloud:
    """The account of `environment`; where it lives on this machine, it is started first. Raises OpsError."""
    if environment.local_cloud is None:
        return Cloud(environment)
    from localcloud import control

    try:
        session = control.start(
            cloud_directory(environment),
            port=environment.local_cloud.port,
            engine=environment.local_cloud.engine,
            python=tool_environment("localcloud", step.progress if step else lambda line: None),
            agent_python=bare_environment(),
            region=environment.region,
            progress=step.progress if step else None,
        )
    except control.LocalCloudError as error:
        raise OpsError(error.what, error.why, error.next) from error
    return _from_session(environment, session)


def running_cloud(environment: Environment) -> Cloud | None:
    """Like `open_cloud`, but starts nothing: None where the account is on this machine and isn't running."""
    if environment.local_cloud is None:
        return Cloud(environment)
    from localcloud import control

    session = control.running(cloud_directory(environment))
    return _from_session(environment, session) if session else None


def require_cloud(environment: Environment) -> Cloud:
    """Like `running_cloud`. Raises OpsError where nothing runs."""
    cloud = running_cloud(environment)
    if cloud is None:
        raise OpsError(
            f"Nothing runs in {environment.name}: its cloud on this machine is not started.",
            next_step=f"./inv deploy --env {environment.name}",
        )
    return cloud


@contextlib.contextmanager
def watched(cloud: Cloud) -> Iterator[None]:
    """Tell a failure whose cause is that the cloud on this machine has died meanwhile. Raises OpsError."""
    try:
        yield
    except Exception as error:
        if cloud.endpoint and running_cloud(cloud.environment) is None:
            log = cloud_directory(cloud.environment) / "emulator.log"
            first = error.what if isinstance(error, OpsError) else str(error)
            raise OpsError(
                "The cloud on this machine stopped answering.",
                f"It failed with: {first}\nIts own last words are in {log}.",
                "run the same again: the cloud is started anew with its state, and what was done is kept",
            ) from error
        raise


def stop_local_cloud(environment: Environment) -> bool:
    """End what stands in for the account. True where something ran; False also for an account on AWS."""
    if environment.local_cloud is None:
        return False
    from localcloud import control

    return control.stop(cloud_directory(environment))


def reset_local_cloud(environment: Environment) -> None:
    """End what stands in for the account, and forget everything in it."""
    if environment.local_cloud is None:
        raise OpsError(f"{environment.name} is an account on AWS; there is nothing to reset.")
    from localcloud import control

    control.reset(cloud_directory(environment))


def cloud_directory(environment: Environment) -> Path:
    """Where a cloud on this machine keeps everything."""
    return paths.local() / "cloud" / environment.name


def _from_session(environment: Environment, session: Any) -> Cloud:
    return Cloud(
        environment,
        endpoint=session.endpoint,
        registry_address=session.endpoint.removeprefix("http://"),
        engine=session.engine,
        engine_note=session.engine_note,
        builder="docker" if session.engine == "docker" else "bundle",
        variables={
            "AWS_ENDPOINT_URL": session.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        task_variables={
            "AWS_ENDPOINT_URL": session.task_endpoint,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": session.task_bedrock_endpoint,
        },
    )


@dataclass(frozen=True)
class Identity:
    account_id: str
    arn: str


def check_credentials(cloud: Cloud) -> Identity:
    """Who is calling. Raises OpsError without valid credentials, or with those of another account."""
    environment = cloud.environment
    login = f"log in (for example `aws sso login`), or set AWS_PROFILE, for account {environment.account_id}"
    try:
        answer = cloud.client("sts").get_caller_identity()
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound, TokenRetrievalError) as error:
        raise OpsError(
            f"There are no usable AWS credentials for {environment.name}.", f"{error}", login
        ) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reason = "The session has expired." if "Expired" in code else error.response["Error"]["Message"]
        raise OpsError(
            f"AWS does not accept the credentials for {environment.name} ({code}).", reason, login
        ) from error
    except BotoCoreError as error:
        raise OpsError(
            f"AWS could not be reached for {environment.name}.",
            f"{error}",
            "check the network, then run this again",
        ) from error
    if answer["Account"] != environment.account_id:
        raise OpsError(
            f"Wrong account: the credentials are for {answer['Account']}, but {environment.name} is "
            f"{environment.account_id}.",
            f"They belong to {answer['Arn']}. Nothing was touched.",
            f"{login}, or correct account_id in environments/{environment.name}.toml",
        )
    return Identity(answer["Account"], answer["Arn"])
