"""Changing what runs: new versions, broken ones, crashes, and two people at once."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from tests.local.checkout import Checkout, wait_until

pytestmark = pytest.mark.local


@dataclass
class Load:
    """Steady requests to `/health` through the load balancer; counts what came back."""

    address: str
    rate: float = 40.0
    answers: Counter = field(default_factory=Counter)
    versions: Counter = field(default_factory=Counter)
    longest: float = 20_000

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(timeout=10) as client:
            for _ in range(int(self.longest)):
                if self._stop.wait(1 / self.rate):
                    return
                try:
                    answer = client.get(f"{self.address}/health")
                    self.answers[answer.status_code] += 1
                    self.versions[answer.json().get("version")] += 1
                except (httpx.HTTPError, ValueError) as error:
                    self.answers[type(error).__name__] += 1


def address_of(checkout: Checkout) -> str:
    return checkout.status()["agents"][0]["address"]


def test_a_change_of_the_code_is_rolled_out_without_a_lost_request(deployed: Checkout) -> None:
    before = deployed.status()["agents"][0]["version"]
    deployed.edit("agents/test_agent/tools.py", '"""', '"""Changed. ')
    with Load(address_of(deployed)) as load:
        told = deployed.deploy()
    assert told["changed"]
    assert told["version"] != before
    assert set(load.answers) == {200}, load.answers
    assert load.answers[200] > 50
    assert load.versions[told["version"]] > 0
    assert {process.pid for process in deployed.task_processes()}
    assert len(deployed.task_processes()) == 2


def test_a_killed_task_comes_back(deployed: Checkout) -> None:
    victim = deployed.task_processes()[0]
    before = {process.pid for process in deployed.task_processes()}
    victim.send_signal(signal.SIGKILL)
    wait_until(lambda: len({p.pid for p in deployed.task_processes()} - {victim.pid}) == 2)
    wait_until(lambda: deployed.status()["healthy"] and deployed.status()["agents"][0]["running"] == 2)
    assert {process.pid for process in deployed.task_processes()} != before
    assert "42" in deployed.inv("ask", "What is 6 * 7?").out


def test_an_agent_that_fails_at_import_never_serves(deployed: Checkout) -> None:
    address, before = address_of(deployed), deployed.status()["agents"][0]["version"]
    deployed.edit("agents/test_agent/agent.py", "from __future__ import annotations\n", BROKEN)
    with Load(address) as load:
        result = deployed.inv("deploy", "--env", "local")
    assert result.status == 1
    assert "the spoon does not exist" in result.out
    assert f"{before} keeps serving" in result.out
    assert "./inv logs --env local --agent test-agent" in result.out
    assert "Traceback" not in result.text
    assert set(load.answers) == {200}, load.answers
    assert set(load.versions) == {before}
    assert "the spoon does not exist" in deployed.inv("logs", "--since", "5m").out
    deployed.edit("agents/test_agent/agent.py", BROKEN, "from __future__ import annotations\n")
    assert deployed.deploy()["version"] == before
    assert deployed.status()["healthy"]


BROKEN = 'from __future__ import annotations\n\nraise RuntimeError("the spoon does not exist")\n'


def test_the_second_of_two_deploys_is_told_who_holds_the_lock(deployed: Checkout) -> None:
    deployed.edit("agents/test_agent/tools.py", '"""', '"""Two at once. ')
    first = deployed.start("deploy", "--env", "local")
    assert first.stdout
    for line in first.stdout:
        if "Prepare Terraform" in line:
            break
    second = deployed.inv("deploy", "--env", "local")
    out, err = first.communicate(timeout=240)
    assert first.returncode == 0, out + err
    assert second.status == 1
    assert f"process {first.pid}" in second.out
    assert "Somebody else is changing local right now" in second.out
    assert "--break-lock" in second.out


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_deploy_that_is_ended_half_way_is_finished_by_the_next(
    deployed: Checkout, signal_number: signal.Signals
) -> None:
    deployed.edit("agents/test_agent/tools.py", '"""', f'"""Ended by {signal_number.name}. ')
    process = deployed.start("deploy", "--env", "local")
    assert process.stdout
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "changing module" in line or "creating module" in line:
            process.send_signal(signal_number)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode in (130, -signal.SIGKILL), "".join(seen) + out + err
    if signal_number == signal.SIGINT:
        assert "Interrupted" in out
        assert "Traceback" not in err
    told = deployed.deploy()
    report = deployed.status()
    assert report["healthy"]
    assert report["agents"][0]["version"] == told["version"]
    assert len(deployed.task_processes()) == 2


def test_a_cloud_that_is_killed_keeps_its_state(deployed: Checkout) -> None:
    before = deployed.status()["agents"][0]["version"]
    time.sleep(2)  # it saves what changed about once a second
    import psutil

    psutil.Process(deployed.session()["pid"]).send_signal(signal.SIGKILL)
    wait_until(lambda: deployed.inv("status").status == 1)
    told = deployed.deploy()
    assert told["version"] == before
    assert deployed.status()["healthy"]
    assert len(deployed.task_processes()) == 2


def test_a_cloud_that_is_killed_during_a_deploy_is_a_sentence_and_the_next_run_repairs_it(
    deployed: Checkout,
) -> None:
    import psutil

    deployed.edit("agents/test_agent/tools.py", '"""', '"""Killed cloud. ')
    process = deployed.start("deploy", "--env", "local")
    assert process.stdout
    for line in process.stdout:
        if "Apply platform" in line:
            psutil.Process(deployed.session()["pid"]).send_signal(signal.SIGKILL)
            break
    out, err = process.communicate(timeout=240)
    assert process.returncode == 1, out + err
    assert "Traceback" not in out + err
    assert "The cloud on this machine stopped answering" in out
    assert "emulator.log" in out
    told = deployed.deploy()
    assert deployed.status()["agents"][0]["version"] == told["version"]


def test_stopping_keeps_everything_and_the_next_deploy_goes_on(deployed: Checkout) -> None:
    before = deployed.status()["agents"][0]["version"]
    assert deployed.inv("local-stop").status == 0
    assert not deployed.told()
    stopped = deployed.inv("status")
    assert stopped.status == 1
    assert "not running" in stopped.out
    assert "./inv deploy --env local" in deployed.inv("ask", "hi").out
    assert deployed.deploy()["version"] == before
