"""Images: versions that follow content, and bundles that are the same bytes every time."""

from __future__ import annotations

import gzip
import io
import json
import shlex
import subprocess
import tarfile
from pathlib import Path

import pytest

from ops.images import oci, stage, version
from ops.images.build import settings_of_image
from ops.paths import ROOT
from ops.settings import load_agent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (
        "agent_runtime/app.py",
        "agents/test_agent/agent.py",
        "ops/images/oci.py",
        "Dockerfile",
        "README.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "first")
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "--short=7", "HEAD")


AGENT = load_agent("test-agent")


def test_a_version_names_the_commit_that_touched_the_agent_last(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "--short=7", "HEAD")
    (checkout / "README.md").write_text("a document\n")
    commit(checkout, "a document")
    assert version.version_of(AGENT, checkout) == f"{AGENT.version}-{first}"
    (checkout / "agents/test_agent/agent.py").write_text("changed\n")
    second = commit(checkout, "the agent")
    assert version.version_of(AGENT, checkout) == f"{AGENT.version}-{second}"


def test_uncommitted_changes_are_part_of_the_version(checkout: Path) -> None:
    clean = version.version_of(AGENT, checkout)
    (checkout / "agent_runtime/app.py").write_text("one\n")
    one = version.version_of(AGENT, checkout)
    (checkout / "agent_runtime/app.py").write_text("two\n")
    two = version.version_of(AGENT, checkout)
    assert one.startswith(clean + "-")
    assert one != two
    (checkout / "agent_runtime/app.py").write_text("one\n")
    assert version.version_of(AGENT, checkout) == one


def test_without_git_the_content_alone_names_the_version(tmp_path: Path) -> None:
    (tmp_path / "agent_runtime").mkdir()
    (tmp_path / "agent_runtime/app.py").write_text("x")
    name = version.version_of(AGENT, tmp_path)
    assert name.startswith(f"{AGENT.version}-")
    assert len(name) == len(AGENT.version) + 9


def test_a_layer_holds_no_time_owner_or_path_of_the_machine(tmp_path: Path) -> None:
    contents = []
    for number in (1, 2):
        folder = tmp_path / f"folder{number}"
        (folder / "package").mkdir(parents=True)
        (folder / "package/a.py").write_text("a = 1\n")
        (folder / "run").write_text("#!/bin/sh\n")
        (folder / "run").chmod(0o755)
        layer = oci.make_layer(folder, "app", tmp_path / f"{number}.tar.gz")
        contents.append(layer)
    assert contents[0].blob.digest == contents[1].blob.digest
    data = contents[0].blob.read()
    assert oci.digest_of(data) == contents[0].blob.digest
    assert oci.digest_of(gzip.decompress(data)) == contents[0].diff_id
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: member for member in archive}
    assert set(members) == {"app", "app/package", "app/package/a.py", "app/run"}
    assert all(member.uid == member.gid == member.mtime == 0 for member in members.values())
    assert members["app/run"].mode == 0o755
    assert members["app/package/a.py"].mode == 0o644


def test_a_manifest_points_to_its_parts_by_digest(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f/x").write_text("x")
    layer = oci.make_layer(tmp_path / "f", "app", tmp_path / "x.tar.gz")
    manifest, config = oci.make_manifest([layer], "arm64", {"Cmd": ["python3"]})
    told = json.loads(manifest.data)
    assert told["config"]["digest"] == config.digest == oci.digest_of(config.data)
    assert told["layers"] == [layer.blob.descriptor]
    document = json.loads(config.data)
    assert document["rootfs"]["diff_ids"] == [layer.diff_id]
    assert document["architecture"] == "arm64"


def test_an_agent_never_runs_as_root_and_finds_its_code() -> None:
    settings = settings_of_image(AGENT, "0.1.0-abc1234", "bundle")
    assert settings["User"] == "10001:10001"
    assert "PYTHONPATH=/app:/opt/deps" in settings["Env"]
    assert "AGENT_VERSION=0.1.0-abc1234" in settings["Env"]
    assert "AGENT_NAME=test-agent" in settings["Env"]


def test_the_application_is_the_runtime_and_one_agent_compiled(tmp_path: Path) -> None:
    stage.application(AGENT, tmp_path)
    assert (tmp_path / "agent_runtime/page/files/page.html").is_file()
    assert (tmp_path / "agent_runtime/__main__.py").exists()
    assert (tmp_path / "agents/test_agent/agent.py").exists()
    assert list((tmp_path / "agent_runtime/__pycache__").glob("*.pyc"))
    assert not list(tmp_path.rglob("requirements.*"))
    assert {path.name for path in tmp_path.iterdir()} == {"agent_runtime", "agents"}


def test_the_dockerfile_and_the_bundle_say_the_same() -> None:
    """Both builders give one contract; only PATH is the base image's own."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for name, value in (("AGENT", "test-agent"), ("VERSION", "1"), ("COMMIT", "c")):
        text = text.replace(f"${{{name}}}", value)
    lines = dict(line.split(" ", 1) for line in text.splitlines() if line and line[0] not in "# ")
    bundle = settings_of_image(AGENT, "1", "docker")
    environment = dict(pair.split("=", 1) for pair in bundle["Env"])
    assert {name: value for name, value in environment.items() if name != "PATH"} == dict(
        pair.split("=", 1) for pair in shlex.split(lines["ENV"])
    )
    labels = dict(pair.split("=", 1) for pair in shlex.split(lines["LABEL"]))
    assert set(labels) == set(bundle["Labels"])
    assert labels["org.opencontainers.image.title"] == bundle["Labels"]["org.opencontainers.image.title"]
    assert lines["USER"] == bundle["User"]
    assert lines["WORKDIR"] == bundle["WorkingDir"]
    assert json.loads(lines["CMD"]) == bundle["Cmd"]
    assert json.loads(lines["VOLUME"]) == list(bundle["Volumes"])
    assert [f"{lines['EXPOSE']}/tcp"] == list(bundle["ExposedPorts"])
    assert "RUN" not in lines
    assert "python:3.11-slim" in text
