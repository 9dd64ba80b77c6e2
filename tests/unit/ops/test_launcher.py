"""The launcher: sets up once, repairs what is half-made, and stays out of the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops import bootstrap
from ops.paths import ROOT
from ops.pip_settings import uv_environment


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose only requirement is tiny, with commands recorded instead of run."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/ops.txt").write_text("six==1.17.0\n")
    (tmp_path / "requirements/uv.txt").write_text("uv\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def run(command: list[str], environment: dict[str, str] | None = None) -> None:
        seen.append(command)
        if "venv" in command:
            python = bootstrap.python_of(Path(command[-1]))
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(bootstrap, "_run", run)
    monkeypatch.setattr(bootstrap, "_uv", lambda say: "uv")
    return seen


def test_an_environment_is_made_from_hashes_once(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.make_environment("ops", checkout / ".venv", lambda line: None)
    bootstrap.make_environment("ops", checkout / ".venv", lambda line: None)
    assert len(commands) == 2
    assert "--require-hashes" in commands[1]
    assert "--compile-bytecode" in commands[1]


def test_new_requirements_make_it_again(checkout: Path, commands: list[list[str]]) -> None:
    bootstrap.make_environment("ops", checkout / ".venv", lambda line: None)
    (checkout / "requirements/ops.txt").write_text("six==1.16.0\n")
    bootstrap.make_environment("ops", checkout / ".venv", lambda line: None)
    assert len(commands) == 4


def test_a_half_made_one_is_thrown_away_first(checkout: Path, commands: list[list[str]]) -> None:
    leftover = checkout / ".venv" / "lib" / "half.txt"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("half")
    said: list[str] = []
    bootstrap.make_environment("ops", checkout / ".venv", said.append)
    assert not leftover.exists()
    assert "half-made" in said[0]


def test_a_failed_installation_says_why_and_leaves_nothing_that_looks_complete(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "_uv", lambda say: sys.executable)
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.make_environment("ops", checkout / ".venv", lambda line: None)
    assert "What helps" in str(caught.value)
    assert not bootstrap.is_ready("ops", checkout / ".venv")


def test_the_launcher_and_the_environments_agree_on_what_ready_means(tmp_path: Path) -> None:
    """`inv` decides by itself on its quick path; it must decide as ops.bootstrap does."""
    source = (ROOT / "inv").read_text()
    assert 'ROOT / "requirements/ops.txt"' in source
    scope: dict[str, object] = {"__file__": str(tmp_path / "inv"), "__name__": "launcher"}
    exec(compile(source, "inv", "exec"), scope)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/ops.txt").write_text("six\n")
    assert scope["is_ready"]() is False
    python = bootstrap.python_of(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    import hashlib

    (tmp_path / ".venv/.ready").write_text(hashlib.sha256(b"six\n").hexdigest())
    assert scope["is_ready"]() is True


def test_the_launcher_imports_the_standard_library_only() -> None:
    answer = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "inv"), "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert answer.returncode == 0, answer.stderr
    assert "Invoke" in answer.stdout


def test_a_mirror_set_for_pip_is_told_to_uv(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror.example/simple\nproxy = http://proxy.example:3128\n"
        f"find-links =\n  {tmp_path}\n  {tmp_path}/absent\n"
    )
    told = uv_environment({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)})
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert told["ALL_PROXY"] == "http://proxy.example:3128"
    assert told["UV_FIND_LINKS"] == str(tmp_path)


def test_a_variable_wins_over_the_file_and_uvs_own_setting_over_both(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\n")
    base = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
    variable = {**base, "PIP_INDEX_URL": "https://variable.example/simple"}
    assert uv_environment(variable)["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    own = {**variable, "UV_DEFAULT_INDEX": "https://uv.example/simple"}
    assert uv_environment(own)["UV_DEFAULT_INDEX"] == "https://uv.example/simple"


def test_requirements_are_locked_with_hashes_and_name_no_registry() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), *(ROOT / "agents").glob("*/requirements.txt")]
    assert len(locks) >= 5
    for lock in locks:
        text = lock.read_text()
        assert "--hash=sha256:" in text, lock
        assert "://" not in text, lock
