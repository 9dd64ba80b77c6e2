"""Every module and stack: laid out as agreed, formatted, valid, and tested with mocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from ops.paths import ROOT
from terraform import tables
from tests.terraform.units import TERRAFORM, UNITS, Outcome, Runner

MODULES = [unit for unit in UNITS if unit.startswith("modules/")]
AT_ONCE = 2


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    runner = Runner(tmp_path_factory.mktemp("terraform"), shared=True)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def mocked_tests(runner: Runner, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """Outcomes of `terraform test`, running two at a time: of the units that this session was asked for."""
    wanted = [
        item.callspec.params["unit"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_mocked_tests_pass.__name__
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {unit: pool.submit(runner.test, unit) for unit in wanted}


@pytest.mark.terraform
@pytest.mark.parametrize("unit", UNITS)
def test_mocked_tests_pass(unit: str, mocked_tests: dict[str, Future[Outcome]]) -> None:
    """`terraform test` refuses what `terraform validate` refuses, and says so in the same words."""
    outcome = mocked_tests[unit].result()
    assert outcome.status == 0, outcome.text
    passed = re.search(r"^Success! (\d+) passed, 0 failed\.$", outcome.text, re.M)
    assert passed, outcome.text
    assert int(passed[1]) == len(runs(unit))


@pytest.mark.terraform
def test_a_wrong_argument_is_found(runner: Runner, tmp_path: Path) -> None:
    """That the checks above can fail: the schema is the real one, down to a misspelt argument."""
    (tmp_path / "versions.tf").write_text((TERRAFORM / "modules/cluster/versions.tf").read_text())
    (tmp_path / "main.tf").write_text('resource "aws_ecs_cluster" "this" {\n  nmae = "typo"\n}\n')
    assert runner.run(tmp_path, "init", "-backend=false", "-input=false", "-no-color").status == 0
    outcome = runner.run(tmp_path, "validate", "-no-color")
    assert outcome.status == 1
    assert 'An argument named "nmae" is not expected here' in outcome.text


@pytest.mark.terraform
def test_everything_is_formatted(runner: Runner) -> None:
    outcome = runner.run(TERRAFORM, "fmt", "-check", "-recursive", "-diff")
    assert outcome.status == 0, f"Run `terraform fmt -recursive terraform`:\n{outcome.text}"


@pytest.mark.parametrize("unit", UNITS)
def test_the_files_are_the_agreed_ones(unit: str) -> None:
    there = {path.name for path in (TERRAFORM / unit).iterdir()}
    wanted = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md", "tests"}
    assert there == wanted | ({"providers.tf"} if unit.startswith("stacks/") else set())
    assert list((TERRAFORM / unit / "tests").glob("*.tftest.hcl"))


@pytest.mark.parametrize("unit", UNITS)
def test_variables_and_outputs_are_described(unit: str) -> None:
    variables = tables.blocks("variable", TERRAFORM / unit / "variables.tf")
    outputs = tables.blocks("output", TERRAFORM / unit / "outputs.tf")
    assert variables
    assert outputs
    assert not [block.name for block in variables if not block.type]
    assert not [
        block.name for block in variables + outputs if not re.search(r"^[A-Z].*\w.*", block.description)
    ]


@pytest.mark.parametrize("unit", MODULES)
def test_a_module_takes_about_ten_inputs(unit: str) -> None:
    assert len(tables.blocks("variable", TERRAFORM / unit / "variables.tf")) <= 12


@pytest.mark.parametrize("unit", UNITS)
def test_each_validation_is_seen_refusing(unit: str) -> None:
    """At least one run for each rule of each variable."""
    refused = [
        name for run in runs(unit).values() for name in re.findall(r"\bvar\.(\w+)", expected_failures(run))
    ]
    missing = {
        block.name: f"{block.validations} rules, {refused.count(block.name)} runs that break one"
        for block in tables.blocks("variable", TERRAFORM / unit / "variables.tf")
        if refused.count(block.name) < block.validations
    }
    assert not missing


@pytest.mark.parametrize("unit", MODULES)
def test_a_module_leaves_the_provider_to_the_stack(unit: str) -> None:
    text = "".join(path.read_text() for path in (TERRAFORM / unit).glob("*.tf"))
    assert not re.search(r'^(provider|terraform \{\n  backend) "', text, re.M)


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_single_is_called_this(unit: str) -> None:
    text = (TERRAFORM / unit / "main.tf").read_text()
    names: dict[str, list[str]] = {}
    for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.M):
        names.setdefault(kind, []).append(name)
    # A rule is named for what it lets through, a subscription for how it tells, also where there is but one.
    speaking = {"aws_sns_topic_subscription", "aws_route"}
    named = {
        kind: found
        for kind, found in names.items()
        if len(found) == 1 and found != ["this"] and kind not in speaking and not kind.endswith("gress_rule")
    }
    assert not named


@pytest.mark.parametrize("unit", UNITS)
def test_the_tables_in_the_readme_are_current(unit: str) -> None:
    text = (TERRAFORM / unit / "README.md").read_text()
    assert text == tables.readme(TERRAFORM / unit), "Run `python terraform/tables.py`."


def test_an_alarm_names_a_runbook_that_exists() -> None:
    text = (TERRAFORM / "modules/agent_alarms/main.tf").read_text()
    alarms = re.findall(
        r'^  alarm_name\s+= "\$\{var.name\}-([a-z-]+)"\n  alarm_description = "(.*)"$', text, re.M
    )
    assert len(alarms) == text.count('resource "aws_cloudwatch_metric_alarm"')
    for alarm, description in alarms:
        page = ROOT / "runbooks" / f"{alarm}.md"
        assert description.endswith(f"Runbook: runbooks/{alarm}.md")
        headings = re.findall(r"^## (.*)$", page.read_text(), re.M)
        assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_the_tables_show_a_type_on_one_line(tmp_path: Path) -> None:
    file = tmp_path / "variables.tf"
    file.write_text(
        'variable "size" {\n  description = "How \\"big\\" it is."\n  type = object({\n    cpu = number\n'
        "    zones    = optional(list(string), [])\n  })\n  default = {}\n\n"
        '  validation {\n    condition = true\n    error_message = "No."\n  }\n}\n'
    )
    (block,) = tables.blocks("variable", file)
    assert block.type == "object({ cpu = number, zones = optional(list(string), []) })"
    assert (block.description, block.default, block.validations) == ('How "big" it is.', "{}", 1)


def runs(unit: str) -> dict[str, str]:
    """The bodies of the unit's test runs, by name."""
    text = "".join(path.read_text() for path in (TERRAFORM / unit / "tests").glob("*.tftest.hcl"))
    return dict(re.findall(r'^run "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))


def expected_failures(run: str) -> str:
    found = re.search(r"^  expect_failures = \[(.*?)\]", run, re.M | re.S)
    return found[1] if found else ""
