"""What this machine and an environment's account lack, each with what to do about it. Changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from ops.cloud import running_cloud
from ops.console import Console
from ops.doctor import machine
from ops.doctor.account import Account
from ops.doctor.finding import Check, Finding, carried_out
from ops.settings import load_environment

__all__ = ["Finding", "Report", "examine", "show"]

MARKS = {
    "ok": "[green]✓[/green]",
    "absent": "[dim]-[/dim]",
    "failed": "[red]✗[/red]",
    "unknown": "[yellow]?[/yellow]",
}

ACCOUNT_CHECKS = {
    "state bucket": "state_bucket",
    "lock": "lock",
    "repositories": "repositories",
    "models": "models",
    "certificate": "certificate",
    "quotas": "quotas",
    "API keys": "secrets",
    "alarm mail": "alarm_mail",
}
"""What is looked at with valid credentials: its name, and the method of Account."""


@dataclass(frozen=True)
class Report:
    """All findings about one environment."""

    environment: str
    findings: list[Finding]

    def count(self, state: str) -> int:
        return sum(finding.state == state for finding in self.findings)

    @property
    def verdict(self) -> str:
        unknown = self.count("unknown")
        failed = self.count("failed")
        parts = [f"{self.count('ok')} of {len(self.findings)} as they must be"]
        parts += [f"{failed} not"] if failed else []
        parts += [f"{self.count('absent')} not there yet"] if self.count("absent") else []
        parts += [f"{unknown} could not be looked at"] if unknown else []
        return f"{self.environment}: {', '.join(parts)}: looked"

    def as_dict(self) -> dict[str, Any]:
        return {"environment": self.environment, "findings": [asdict(finding) for finding in self.findings]}


def examine(environment_name: str, console: Console) -> Report:
    """Look at everything, one after the other; one that fails keeps no other from being looked at. Raises OpsError."""
    environment = load_environment(environment_name)
    with console.step("Look at this machine"):
        findings = _all(
            {
                "Python": machine.python,
                "Terraform": machine.terraform,
                "Docker engine": machine.docker,
                "disk": machine.disk,
                "settings": machine.settings,
            }
        )
    cloud = running_cloud(environment)
    if cloud is None:
        missing = Finding("account", "absent", f"nothing runs in {environment.name}: ./inv deploy starts it")
        return Report(environment.name, [*findings, missing])
    where = cloud.endpoint or "AWS"
    with console.step(f"Look at account {environment.account_id} in {environment.region}, {where}"):
        account = Account(cloud)
        known = _all({"credentials": account.credentials})
        findings += known
        if all(finding.state == "ok" for finding in known):
            findings += _all({what: getattr(account, check) for what, check in ACCOUNT_CHECKS.items()})
    return Report(environment.name, findings)


def _all(checks: dict[str, Check]) -> list[Finding]:
    return [finding for what, check in checks.items() for finding in carried_out(what, check)]


def show(report: Report, console: Console) -> None:
    """The findings as a table for people."""
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
    for finding in report.findings:
        table.add_row(MARKS[finding.state], escape(finding.what), escape(finding.detail), escape(finding.fix))
    console.rich.print(table)
