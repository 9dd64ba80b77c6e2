"""The process engine: the emulator's ECS starts, watches, replaces, rolls over and rolls back real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud import control
from tests.local.engine_kit import Load, answers, deploy, get, start_cloud, wait_until
from tests.unit.localcloud.kit import Stack, client, image_of, layer_of, push, service_image

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Session]:
    directory = tmp_path_factory.mktemp("engine") / "cloud"
    yield start_cloud(directory)
    control.stop(directory)


@pytest.fixture(scope="module")
def stack(session: control.Session) -> Stack:
    """Two tasks of version 1 behind a load balancer."""
    made = Stack(session.endpoint)
    made.create_platform()
    reference = push(made.port, made.REPOSITORY, "1", service_image("1"))
    definition = made.register(reference)
    made.create_service(definition, count=2)
    wait_until(lambda: made.is_steady(definition), what="first deployment")
    return made


@pytest.fixture
def steady(stack: Stack) -> Stack:
    """Whatever the test before left, two tasks of some version serve."""
    wait_until(lambda: stack.is_steady(stack.service()["taskDefinition"]), what="steady before the test")
    return stack


def image(stack: Stack, version: str) -> str:
    return push(stack.port, stack.REPOSITORY, version, service_image(version))


def stopped_reasons(stack: Stack, definition: str) -> list[str]:
    return [t["stoppedReason"] for t in stack.tasks("STOPPED") if t["taskDefinitionArn"] == definition]


def test_the_path_and_query_reach_the_task_unchanged(steady: Stack) -> None:
    answer = get(steady.url + "/some/thing?a=1&b=%2F")
    assert answer["path"] == f"/agents/{steady.name}/some/thing?a=1&b=%2F"
    assert Path(answer["cwd"]).parts[-2:] == ("rootfs", "app")


def test_another_path_gets_the_listeners_default_answer(steady: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{steady.endpoint}/_alb/tiny-lb/agents/other/x")
    assert caught.value.code == 404


def test_server_sent_events_are_not_held_back(steady: Stack) -> None:
    times = []
    with urllib.request.urlopen(steady.url + "/stream") as response:
        for line in response:
            if line.startswith(b"data:"):
                times.append(time.monotonic())
    assert len(times) == 5
    assert times[-1] - times[0] > 0.6


def test_each_task_has_an_address_of_its_own_that_is_the_registered_target(steady: Stack) -> None:
    addresses = {
        detail["value"]
        for task in steady.tasks()
        for attachment in task["attachments"]
        for detail in attachment["details"]
        if detail["name"] == "privateIPv4Address"
    }
    health = steady.elb.describe_target_health(TargetGroupArn=steady.target_group)["TargetHealthDescriptions"]
    assert addresses == {target["Target"]["Id"] for target in health}
    assert len(addresses) == 2
    assert all(address.startswith("127.") for address in addresses)


def test_a_task_sees_its_settings_and_secrets_and_nothing_of_this_shell(
    steady: Stack, session: control.Session
) -> None:
    secret = client("secretsmanager", session.endpoint).create_secret(Name="keys", SecretString="s3cret")
    endpoints = {
        "AWS_ENDPOINT_URL": session.task_endpoint,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": session.task_bedrock_endpoint,
    }
    definition = steady.register(
        image(steady, "env"), {"COLOUR": "red", **endpoints}, {"KEYS": secret["ARN"]}
    )
    deploy(steady, definition)
    environment = get(steady.url + "/env")
    assert environment["COLOUR"] == "red"
    assert environment["KEYS"] == "s3cret"
    assert environment["AGENT_VERSION"] == "env"
    assert environment["PORT"] == "8000"
    assert environment["AWS_ENDPOINT_URL"] == session.endpoint
    assert environment["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] == session.bedrock_endpoint
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert not {name for name in environment if name.startswith("AWS_CONTAINER_")}
    rootfs = environment["PYTHONPATH"].split(":")[0].removesuffix("/app")
    assert environment["PYTHONPATH"] == f"{rootfs}/app:{rootfs}/opt/deps"
    allowed = {"PATH", "LANG", "LC_CTYPE", "PWD", "HOME", "TMPDIR", "HOST", "PYTHONUNBUFFERED", "PYTHONPATH"}
    allowed |= {"PORT", "COLOUR", "KEYS", "AGENT_VERSION", "ECS_CONTAINER_METADATA_URI_V4"}
    allowed |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED", *endpoints}
    assert environment.keys() <= allowed
    assert get(environment["ECS_CONTAINER_METADATA_URI_V4"] + "/task")["Family"] == steady.name


def test_a_secret_that_is_missing_fails_the_task_by_name(steady: Stack) -> None:
    before = steady.service()["taskDefinition"]
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:gone-abcdef"
    definition = steady.register(image(steady, "nosecret"), secrets={"KEYS": arn})
    steady.update(taskDefinition=definition)
    reasons = wait_until(lambda: stopped_reasons(steady, definition))
    assert "unable to retrieve secret" in reasons[0]
    wait_until(lambda: steady.is_steady(before), what="rolled back")


def test_lines_reach_cloudwatch_logs_whole(steady: Stack) -> None:
    get(steady.url + "/a-line-to-find")
    messages = wait_until(lambda: [m for m in steady.log_messages() if "a-line-to-find" in m])
    assert messages == [f"GET /agents/{steady.name}/a-line-to-find"]
    found = steady.logs.filter_log_events(logGroupName=steady.LOG_GROUP, filterPattern='"a-line-to-find"')
    stream = found["events"][0]["logStreamName"]
    assert stream.startswith(f"{steady.name}/agent/")
    assert stream.rsplit("/", 1)[1] in {task["taskArn"].rsplit("/", 1)[1] for task in steady.tasks()}


def test_a_rolling_update_loses_no_request(steady: Stack) -> None:
    definition = steady.register(image(steady, "rolled"), {"START_DELAY": "1"})
    with Load(steady.url + "/slow", rate=20) as load:
        time.sleep(0.5)
        deploy(steady, definition)
        time.sleep(1.0)
    assert load.failed == []
    assert load.versions["rolled"] > 0
    assert len(load.versions) == 2


def test_a_killed_process_is_replaced(steady: Stack) -> None:
    victim = get(steady.url + "/x")["pid"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: steady.service()["runningCount"] < 2, what="noticed")
    wait_until(lambda: steady.service()["runningCount"] == 2, what="replaced")
    stopped = max(steady.tasks("STOPPED"), key=lambda task: task["stoppedAt"])
    assert stopped["containers"][0]["exitCode"] == 137
    assert "exit code 137" in stopped["stoppedReason"]
    assert answers(steady.url + "/x")


def test_a_bad_version_is_rolled_back_while_the_old_one_serves(steady: Stack) -> None:
    before = steady.service()["taskDefinition"]
    version = get(steady.url + "/x")["version"]
    definition = steady.register(image(steady, "bad"), {"BROKEN": "kaputt"})
    with Load(steady.url + "/x", rate=20) as load:
        steady.update(taskDefinition=definition)
        wait_until(lambda: steady.primary()["taskDefinition"] == before, what="rolled back")
        wait_until(lambda: steady.is_steady(before), what="steady")
    assert load.failed == []
    assert set(load.versions) == {version}
    failed = next(d for d in steady.service()["deployments"] if d["taskDefinition"] == definition)
    assert failed["rolloutState"] == "FAILED"
    task = next(t for t in steady.tasks("STOPPED") if t["taskDefinitionArn"] == definition)
    assert task["containers"][0]["exitCode"] == 1
    assert task["stoppedReason"].startswith(
        "Essential container in task exited before it was healthy: exit code 1."
    )
    assert task["stoppedReason"].endswith("Last log line: RuntimeError: this version is kaputt")
    wait_until(lambda: any("Traceback" in m for m in steady.log_messages()), what="traceback in the logs")


def test_a_version_that_never_answers_is_given_up_after_the_grace_period(steady: Stack) -> None:
    before = steady.service()["taskDefinition"]
    definition = steady.register(image(steady, "mute"), {"START_DELAY": "60"})
    steady.update(taskDefinition=definition, healthCheckGracePeriodSeconds=1)
    wait_until(lambda: steady.is_steady(before), what="rolled back")
    steady.update(healthCheckGracePeriodSeconds=20)
    assert "GET /health did not answer within 1 s" in stopped_reasons(steady, definition)[0]
    wait_until(lambda: not _processes_with("START_DELAY", "60"), what="its processes are gone")


def test_an_image_that_is_missing_is_named(steady: Stack) -> None:
    before = steady.service()["taskDefinition"]
    missing = f"127.0.0.1:{steady.port}/{steady.REPOSITORY}@sha256:{'0' * 64}"
    definition = steady.register(missing)
    steady.update(taskDefinition=definition)
    wait_until(lambda: steady.is_steady(before), what="rolled back")
    assert stopped_reasons(steady, definition)[0].startswith(
        "CannotPullContainerError: The registry answered 404"
    )


def test_a_task_over_its_memory_limit_is_killed_as_on_aws(steady: Stack) -> None:
    definition = steady.register(image(steady, "hungry"), memory=150)
    deploy(steady, definition)
    with contextlib.suppress(OSError):
        get(steady.url + "/hog", timeout=5)
    reasons = wait_until(lambda: [r for r in stopped_reasons(steady, definition) if "OutOfMemory" in r])
    assert "150 MiB allowed" in reasons[0]
    task = next(t for t in steady.tasks("STOPPED") if "OutOfMemory" in t["stoppedReason"])
    assert task["containers"][0]["exitCode"] == 137
    wait_until(lambda: steady.is_steady(definition), what="replaced")


def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(steady: Stack) -> None:
    stubborn = steady.register(image(steady, "stubborn"), {"STUBBORN": "1"}, stop_timeout=2)
    deploy(steady, stubborn)
    assert len(_processes_with("STUBBORN", "1")) == 2
    began = time.monotonic()
    deploy(steady, steady.register(image(steady, "meek")))
    wait_until(lambda: not _processes_with("STUBBORN", "1"), what="killed")
    assert time.monotonic() - began > 2


def test_pause_and_resume(steady: Stack) -> None:
    definition = steady.service()["taskDefinition"]
    steady.update(desiredCount=0)
    wait_until(lambda: not answers(steady.url + "/x"), what="paused")
    assert steady.tasks() == []
    steady.update(desiredCount=2)
    wait_until(lambda: steady.is_steady(definition), what="resumed")
    assert answers(steady.url + "/x")


def test_a_task_that_runs_once_ends_with_its_exit_code(steady: Stack) -> None:
    job = image_of(
        [layer_of({"app/job.py": "print('done'); raise SystemExit(3)"})], command=["python3", "job.py"]
    )
    definition = steady.ecs.register_task_definition(
        family="job",
        containerDefinitions=[{"name": "job", "image": push(steady.port, steady.REPOSITORY, "job", job)}],
    )["taskDefinition"]["taskDefinitionArn"]
    arn = steady.ecs.run_task(cluster="tiny", taskDefinition=definition)["tasks"][0]["taskArn"]

    def ended() -> dict[str, Any] | None:
        task = steady.ecs.describe_tasks(cluster="tiny", tasks=[arn])["tasks"][0]
        return task if task["lastStatus"] == "STOPPED" else None

    task = wait_until(ended)
    assert task["containers"][0]["exitCode"] == 3
    assert "Last log line: done" in task["stoppedReason"]


def test_a_first_deployment_that_fails_says_so(steady: Stack) -> None:
    definition = steady.register(image(steady, "stillborn"), {"BROKEN": "still"})
    steady.ecs.create_service(
        cluster="tiny",
        serviceName="stillborn",
        taskDefinition=definition,
        desiredCount=1,
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    )

    def deployment() -> dict[str, Any]:
        services = steady.ecs.describe_services(cluster="tiny", services=["stillborn"])["services"]
        return services[0]["deployments"][0]

    wait_until(lambda: deployment()["rolloutState"] == "FAILED", what="failed")
    steady.ecs.delete_service(cluster="tiny", service="stillborn", force=True)


def _processes_with(name: str, value: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value and "tiny_service" in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
