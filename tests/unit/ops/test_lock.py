"""The lock of an environment: one change at a time, and a dead holder is recognised."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import boto3
import psutil
import pytest
from moto import mock_aws

from ops.cloud import Cloud
from ops.errors import OpsError
from ops.lock import Holder, change_lock
from ops.settings import load_environment

ENVIRONMENT = load_environment("local")
KEY = f"{ENVIRONMENT.name}/change.lock"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=ENVIRONMENT.state_bucket)
        yield Cloud(ENVIRONMENT)


def put(cloud: Cloud, holder: Holder) -> None:
    cloud.client("s3").put_object(
        Bucket=ENVIRONMENT.state_bucket, Key=KEY, Body=json.dumps(asdict(holder)).encode()
    )


def is_locked(cloud: Cloud) -> bool:
    found = cloud.client("s3").list_objects_v2(Bucket=ENVIRONMENT.state_bucket, Prefix=KEY)
    return found["KeyCount"] == 1


def test_it_is_held_during_the_change_and_free_after_it(cloud: Cloud) -> None:
    with change_lock(cloud, "deploy"):
        assert is_locked(cloud)
    assert not is_locked(cloud)


def test_it_is_freed_when_the_change_fails(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="broken"), change_lock(cloud, "deploy"):
        raise ValueError("broken")
    assert not is_locked(cloud)


def test_a_second_change_is_told_who_since_when_and_what_to_do(cloud: Cloud) -> None:
    with change_lock(cloud, "deploy"):
        with pytest.raises(OpsError) as caught, change_lock(cloud, "destroy"):
            pytest.fail("two changes at once")
        message = str(caught.value)
        assert f"process {psutil.Process().pid}" in message
        assert "`deploy`" in message
        assert "UTC" in message
        assert "./inv destroy --env local --break-lock" in message
        assert is_locked(cloud)


def test_the_lock_of_a_process_that_died_here_is_taken_over(cloud: Cloud) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    started = psutil.Process(gone.pid).create_time()
    gone.wait()
    put(cloud, replace(Holder.me("deploy"), pid=gone.pid, process_started=started))
    said: list[str] = []
    with change_lock(cloud, "deploy", say=said.append):
        assert is_locked(cloud)
    assert "that process is dead" in said[0]
    assert not is_locked(cloud)


def test_a_later_process_with_the_same_number_is_not_the_holder() -> None:
    me = Holder.me("deploy")
    assert not me.is_dead
    assert replace(me, process_started=me.process_started - 1000).is_dead


def test_the_lock_of_another_host_is_never_called_dead(cloud: Cloud) -> None:
    put(cloud, replace(Holder.me("deploy"), host="elsewhere", pid=1, process_started=0.0))
    with pytest.raises(OpsError, match="elsewhere"), change_lock(cloud, "deploy"):
        pytest.fail("took a lock that may be alive")


def test_force_takes_it_and_the_first_holder_does_not_free_it(cloud: Cloud) -> None:
    put(cloud, replace(Holder.me("deploy"), host="elsewhere"))
    with change_lock(cloud, "deploy", force=True):
        put(cloud, replace(Holder.me("destroy"), host="a third"))
    assert is_locked(cloud)


def test_a_write_whose_answer_was_lost_and_that_was_sent_again_counts(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 repeats a call that broke off; the second conditional write then meets the first one's object."""
    me = Holder.me("deploy")
    monkeypatch.setattr(Holder, "me", classmethod(lambda cls, command: me))
    put(cloud, me)
    with change_lock(cloud, "deploy"):
        assert is_locked(cloud)
    assert not is_locked(cloud)
