"""The mirror: made once, repaired when half-made, safe against two at once; and it names what it needs when it
can't be made."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localcloud.provider import PROVIDER_VERSION, mirror
from localcloud.provider.schema import cache
from tests.unit.provider import bindings

PYTHON = Path(sys.executable)


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A stand-in for pip that puts a small wheel where `--dest` says and notes that it was called."""
    wheel = bindings.wheel(tmp_path / "small.whl")
    script = tmp_path / "fake_pip.py"
    script.write_text(
        "import pathlib, shutil, sys\n"
        f"pathlib.Path({str(tmp_path / 'calls')!r}).open('a').write(' '.join(sys.argv[1:]) + chr(10))\n"
        f"shutil.copy({str(wheel)!r}, sys.argv[sys.argv.index('--dest') + 1])\n"
    )
    # the small wheel has three types; the real one would be refused with as few
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(mirror, "_extract_command", lambda python, package, schema: [
        str(PYTHON), "-c",
        f"import sys; sys.path.insert(0, {str(mirror._ROOT)!r})\n"
        "from pathlib import Path\nfrom localcloud.provider.schema import cache\n"
        f"cache.build(Path({str(package)!r}), Path({str(schema)!r}), least_types=1)",
    ])  # fmt: skip
    return [str(PYTHON), str(script)]


def calls(tmp_path: Path) -> int:
    path = tmp_path / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def files(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if path.is_file()}


def test_made_once(tmp_path: Path, installer: list[str]) -> None:
    said: list[str] = []
    made = mirror.ensure(tmp_path / "tools", PYTHON, said.append, installer)
    assert made.version == PROVIDER_VERSION
    assert made.name == f"offline stand-in for hashicorp/aws {PROVIDER_VERSION}"
    assert "59 MB" in said[0]
    assert str(tmp_path / "tools" / "provider" / "mirror") in made.cli_config.read_text()
    home = tmp_path / "tools" / "provider"
    assert f"terraform-provider-aws_v{PROVIDER_VERSION}_x5" in files(home)
    assert not list(home.glob("download-*")), "the package is not kept"

    assert mirror.ensure(tmp_path / "tools", PYTHON, said.append, installer) == made
    assert calls(tmp_path) == 1
    assert len(said) == 1


def test_package_is_fetched_with_its_hash_only(tmp_path: Path, installer: list[str]) -> None:
    mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    called = (tmp_path / "calls").read_text()
    assert "--require-hashes" in called
    assert "--no-deps" in called
    assert "provider-schema.txt" in called


@pytest.mark.parametrize(
    "lost", ["launch", "terraformrc", "stamp.json", f"terraform-provider-aws_v{PROVIDER_VERSION}_x5"]
)
def test_lost_file_is_written_again(tmp_path: Path, installer: list[str], lost: str) -> None:
    mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    next((tmp_path / "tools").rglob(lost)).unlink()
    mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    assert lost in files(tmp_path / "tools")
    assert calls(tmp_path) == 1, "the schema was whole"


def test_lost_schema_is_fetched_again(tmp_path: Path, installer: list[str]) -> None:
    mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    (tmp_path / "tools" / "provider" / "download-killed").mkdir()
    next((tmp_path / "tools").rglob("index.json")).unlink()
    mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    assert calls(tmp_path) == 2
    assert cache.SchemaCache(next((tmp_path / "tools" / "provider" / "schema").iterdir())).response()
    assert not list((tmp_path / "tools" / "provider").glob("download-*"))


def test_moved_checkout_is_followed(tmp_path: Path, installer: list[str]) -> None:
    mirror.ensure(tmp_path / "before", PYTHON, None, installer)
    shutil.move(tmp_path / "before", tmp_path / "after")
    made = mirror.ensure(tmp_path / "after", PYTHON, None, installer)
    text = made.cli_config.read_text() + (made.cli_config.parent / "launch").read_text()
    assert str(tmp_path / "before") not in text
    assert calls(tmp_path) == 1


def test_two_at_once_make_one(tmp_path: Path, installer: list[str]) -> None:
    made: list[mirror.Mirror] = []
    threads = [
        threading.Thread(
            target=lambda: made.append(mirror.ensure(tmp_path / "tools", PYTHON, None, installer))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert calls(tmp_path) == 1


def test_index_that_fails_is_named(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no such index')"]
    with pytest.raises(mirror.MirrorError) as error:
        mirror.ensure(tmp_path / "tools", PYTHON, None, failing)
    assert "no such index" in error.value.why
    assert "proxy" in error.value.next
    assert not (tmp_path / "tools" / "provider" / "stamp.json").exists()


def test_provider_refuses_to_be_started_by_hand(tmp_path: Path, installer: list[str]) -> None:
    made = mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    launcher = next(made.cli_config.parent.rglob(f"terraform-provider-aws_v{PROVIDER_VERSION}_x5"))
    done = subprocess.run([str(launcher)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Terraform starts it" in done.stderr


def test_launcher_without_its_script_says_what_to_do(tmp_path: Path, installer: list[str]) -> None:
    made = mirror.ensure(tmp_path / "tools", PYTHON, None, installer)
    (made.cli_config.parent / "launch").unlink()
    launcher = next(made.cli_config.parent.rglob(f"terraform-provider-aws_v{PROVIDER_VERSION}_x5"))
    done = subprocess.run([str(launcher)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "./inv deploy" in done.stderr


def test_launcher_never_changes(tmp_path: Path, installer: list[str]) -> None:
    """Terraform records its checksum in lock files: other paths must not change it."""
    texts = set()
    for name in ("one", "two"):
        made = mirror.ensure(tmp_path / name, PYTHON, None, installer)
        texts.add(next(made.cli_config.parent.rglob("terraform-provider-aws_*")).read_text())
    assert len(texts) == 1


def test_imports_the_standard_library_only() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(mirror._ROOT)!r})\nimport localcloud.provider.mirror\n"
        "import json; print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) - sys.stdlib_module_names - {"localcloud", "__main__"} == set()
