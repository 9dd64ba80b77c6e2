"""Finding Terraform, and fetching it where there is none."""

from __future__ import annotations

import hashlib
import io
import stat
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from ops.errors import OpsError
from ops.terraform import binary

PROGRAM = b'#!/bin/sh\necho \'{"terraform_version": "1.11.4"}\'\n'


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr(zipfile.ZipInfo("terraform"), PROGRAM)  # a date of its own changes no checksum
    return stream.getvalue()


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A release server that has the archive for a Linux machine; what was asked of it."""
    asked: list[str] = []

    def get(url: str, **_: object) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200, content=archive(), request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setattr(binary.sys, "platform", "linux")
    monkeypatch.setattr(binary.platform, "machine", lambda: "x86_64")
    monkeypatch.setitem(binary.ARCHIVES, "linux_amd64", hashlib.sha256(archive()).hexdigest())
    return asked


def place(folder: Path, version: str) -> Path:
    program = folder / "terraform"
    program.write_text(f'#!{sys.executable}\nprint(\'{{"terraform_version": "{version}"}}\')\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_the_one_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = place(tmp_path, "1.12.0")
    monkeypatch.setattr(binary.shutil, "which", lambda name: str(program))
    assert binary.find() == program


def test_one_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, releases: list[str]
) -> None:
    program = place(tmp_path, "1.10.5")
    monkeypatch.setattr(binary.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(binary, "TOOLS", tmp_path / "tools")
    fetched = binary.find()
    assert fetched == tmp_path / "tools/terraform/1.11.4/terraform"
    assert fetched.read_bytes() == PROGRAM
    assert fetched.stat().st_mode & stat.S_IXUSR
    assert releases == ["https://releases.hashicorp.com/terraform/1.11.4/terraform_1.11.4_linux_amd64.zip"]
    assert binary.find() == fetched
    assert len(releases) == 1


def test_another_checksum_is_refused_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, releases: list[str]
) -> None:
    monkeypatch.setitem(binary.ARCHIVES, "linux_amd64", "0" * 64)
    with pytest.raises(OpsError) as caught:
        binary.fetch(tmp_path / "terraform")
    assert "checksum differs" in str(caught.value)
    assert "thrown away" in str(caught.value)
    assert not (tmp_path / "terraform").exists()


def test_without_a_network_it_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: object) -> httpx.Response:
        raise httpx.ConnectError("no route")

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setattr(binary.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(binary.sys, "platform", "linux")
    with pytest.raises(OpsError) as caught:
        binary.fetch(tmp_path / "terraform")
    assert "no route" in str(caught.value)
    assert "install Terraform 1.11 or newer" in caught.value.next_step


def test_a_system_that_is_not_listed_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, releases: list[str]
) -> None:
    monkeypatch.setattr(binary.platform, "machine", lambda: "riscv64")
    with pytest.raises(OpsError, match="linux_riscv64"):
        binary.fetch(tmp_path / "terraform")
    assert not releases


def test_the_pinned_archives_are_sha256() -> None:
    assert all(len(value) == 64 and int(value, 16) for value in binary.ARCHIVES.values())
