"""The scripts that prepare a machine for the complete tests, as far as they need no root and no network."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

CI = Path(__file__).resolve().parents[3] / ".ci"


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CI))


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


def test_the_mirror_is_the_one_that_apt_uses() -> None:
    lines = [
        "bookworm-updates main Debian http://mirror.example/debian/",
        "bookworm contrib Debian http://mirror.example/contrib/",
        "bookworm main Debian http://mirror.example/debian/",
    ]
    assert module("base_image").mirror(lines) == "http://mirror.example/debian/"


def test_a_machine_without_that_archive_is_told_so() -> None:
    base_image = module("base_image")
    with pytest.raises(base_image.BaseImageError, match="no archive of Debian bookworm"):
        base_image.mirror(["trixie main Debian http://mirror.example/debian/"])


def test_the_archive_says_its_architecture_and_holds_the_same_bytes_twice(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/python3").write_text("not really")
    base_image = module("base_image")
    ids = [
        base_image.write_archive(root, tmp_path / f"{n}.tar", architecture="arm64", tag="base:arm64")
        for n in (1, 2)
    ]
    assert ids[0] == ids[1]
    with tarfile.open(tmp_path / "1.tar") as archive:
        [manifest] = json.load(archive.extractfile("manifest.json"))
        configuration = json.load(archive.extractfile(manifest["Config"]))
        with tarfile.open(fileobj=archive.extractfile(manifest["Layers"][0])) as layer:
            assert "./usr/bin/python3" in layer.getnames()
    assert manifest["RepoTags"] == ["base:arm64"]
    assert (configuration["architecture"], configuration["variant"]) == ("arm64", "v8")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_missing_packages_are_found_by_their_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = module("packages")
    there = {"dockerd", "iptables", "chromium", "update-binfmts"}
    monkeypatch.setattr(
        packages.shutil, "which", lambda program, path=None: program if program in there else None
    )
    assert packages.missing(emulation=False) == ["debootstrap"]
    assert packages.missing(emulation=True) == ["debootstrap", "qemu-user-static"]


def test_a_user_without_root_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = module("packages")
    monkeypatch.setattr(packages, "missing", lambda emulation: ["debootstrap"])
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages.shutil, "which", lambda *_, **__: "/usr/bin/apt-get")
    with pytest.raises(packages.PackageError, match="sudo apt-get install debootstrap"):
        packages.ensure(emulation=False, say=print)


def test_a_run_that_was_killed_is_recognised_and_a_living_one_is_not(tmp_path: Path) -> None:
    machine, docker_engine = module("machine"), module("docker_engine")
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    owners = {"vitracka-ci.dead": (process.pid, "1"), "vitracka-ci.alive": (os.getpid(), None)}
    for name, (pid, started) in owners.items():
        (tmp_path / name).mkdir()
        record = {"pid": pid, "started": started or docker_engine.start_time(pid)}
        (tmp_path / name / "owner.json").write_text(json.dumps(record))
    (tmp_path / "vitracka-ci.new").mkdir()
    (tmp_path / "another-thing").mkdir()
    assert machine._abandoned(tmp_path / "vitracka-ci.mine") == [tmp_path / "vitracka-ci.dead"]


def test_a_recorded_pid_that_now_is_another_process_is_left_alone(tmp_path: Path) -> None:
    docker_engine = module("docker_engine")
    (tmp_path / "dockerd.json").write_text(json.dumps({"pid": os.getpid(), "started": "1"}))
    docker_engine.stop(tmp_path)  # would end this very process
    assert not (tmp_path / "dockerd.json").exists()
