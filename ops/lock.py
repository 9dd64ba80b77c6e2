"""One change of an environment at a time: a lock object beside Terraform's state, taken by a conditional write."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from ops.clock import ago
from ops.cloud import Cloud
from ops.errors import OpsError
from ops.processes import is_alive


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: enough to find them, and to tell whether they are dead."""

    who: str
    host: str
    pid: int
    process_started: float
    since: str
    command: str

    @classmethod
    def me(cls, command: str) -> Holder:
        return cls(
            who=getpass.getuser(),
            host=socket.gethostname(),
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
        )

    @property
    def is_dead(self) -> bool:
        """Known to be gone: it was a process of this host, and runs no more."""
        return self.host == socket.gethostname() and not is_alive(self.pid, self.process_started)

    def __str__(self) -> str:
        since = datetime.fromisoformat(self.since)
        where = f"{self.who} on {self.host} (process {self.pid}, `{self.command}`)"
        return f"{where}, {ago(since)}, at {since:%H:%M:%S} UTC"


@contextlib.contextmanager
def change_lock(
    cloud: Cloud, command: str, *, force: bool = False, say: Callable[[str], None] = lambda line: None
) -> Iterator[None]:
    """Hold the environment's lock. One whose holder died on this host is taken over.

    Raises OpsError where somebody else holds it. `force` takes it all the same.
    """
    s3, bucket = cloud.client("s3"), cloud.environment.state_bucket
    key = f"{cloud.environment.name}/change.lock"
    me = Holder.me(command)
    mine = json.dumps(asdict(me)).encode()
    for _ in range(5):
        try:
            etag = s3.put_object(Bucket=bucket, Key=key, Body=mine, IfNoneMatch="*")["ETag"]
            break
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
                raise
        holder, etag = _holder(s3, bucket, key)
        if holder is None:
            time.sleep(0.2)
            continue
        if holder == me:  # the write arrived, its answer did not, and boto3 wrote again
            break
        if not (force or holder.is_dead):
            raise OpsError(
                f"Somebody else is changing {cloud.environment.name} right now: {holder}.",
                "",
                f"wait for it to end, or, if it is dead on its own host: "
                f"./inv {command.split()[0]} --env {cloud.environment.name} --break-lock",
            )
        say(f"taking over the lock of {holder}" + ("; that process is dead" if holder.is_dead else ""))
        with contextlib.suppress(ClientError):  # somebody was quicker: the next round sees them
            etag = s3.put_object(Bucket=bucket, Key=key, Body=mine, IfMatch=etag)["ETag"]
            break
    else:
        raise OpsError(
            f"The lock of {cloud.environment.name} changes hands too quickly.", next_step="run this again"
        )
    try:
        yield
    finally:
        # Only if it is still ours: one who forced it off us keeps it. Where the account can't be reached any more
        # the lock stays, and the next change here sees that its holder is dead.
        with contextlib.suppress(ClientError, BotoCoreError):
            current, tag = _holder(s3, bucket, key)
            if current is not None and tag == etag:
                s3.delete_object(Bucket=bucket, Key=key)


def holder_of(cloud: Cloud) -> Holder | None:
    """Who is changing the environment at the moment, if anybody is."""
    return _holder(
        cloud.client("s3"), cloud.environment.state_bucket, f"{cloud.environment.name}/change.lock"
    )[0]


def _holder(s3: object, bucket: str, key: str) -> tuple[Holder | None, str]:
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
        return Holder(**json.loads(answer["Body"].read())), answer["ETag"]
    except (ClientError, ValueError, TypeError):
        return None, ""
