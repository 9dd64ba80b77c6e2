"""Puts the offline provider where `terraform init` finds it: a filesystem mirror and the CLI configuration
that names it.

Standard library only: the command line's own environment imports it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.provider import PROVIDER_NAME, PROVIDER_VERSION

_ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = _ROOT / "requirements" / "provider-schema.txt"
_ADDRESS = "registry.terraform.io/hashicorp/aws"

# `terraform init` records a checksum of the package folder in the lock file, so what lies in it never changes:
# everything that depends on this checkout is in the `launch` script outside. Terraform links the folder, so
# `pwd -P` leads back to the mirror.
_LAUNCHER = """#!/bin/sh
# The offline stand-in for hashicorp/aws; written by localcloud/provider/mirror.py.
launch="$(cd "$(dirname "$0")" && pwd -P)/../../../../../../launch"
if [ ! -x "$launch" ]; then
  echo "The offline provider's launch script is gone: \
run ./inv deploy --env local (or ./inv test), which writes it again." >&2
  exit 1
fi
exec "$launch"
"""


class MirrorError(Exception):
    """The mirror could not be made: `what` failed, `why`, and what to do `next`."""

    def __init__(self, what: str, why: str, next: str) -> None:
        super().__init__(f"{what} {why} {next}")
        self.what = what
        self.why = why
        self.next = next


@dataclass(frozen=True)
class Mirror:
    """A mirror that is ready."""

    cli_config: Path  #: for TF_CLI_CONFIG_FILE
    version: str = PROVIDER_VERSION
    name: str = PROVIDER_NAME  #: what a command prints to say which provider ran


def ensure(
    tools_dir: Path,
    python: Path,
    progress: Callable[[str], None] | None = None,
    installer: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Mirror:
    """Makes the mirror below `tools_dir`, or finds it made (a few milliseconds). Safe against two callers,
    repairs a half-made one.

    `python` runs the provider: an interpreter with requirements/localcloud.txt. On first use the bindings
    (59 MB) are installed by `installer` (the command of uv or pip; found by itself when None), run with
    `environment` (ours when None), with the hash that requirements/provider-schema.txt pins.
    Raises MirrorError.
    """
    home = Path(tools_dir).resolve() / "provider"
    # not resolved: a virtual environment's python is a link, and what it links to does not know the environment
    python = Path.cwd() / python
    stamp = _stamp(home, python)
    if not _is_ready(home, stamp):
        home.mkdir(parents=True, exist_ok=True)
        with _lock(home / "lock", progress):
            if not _is_ready(home, stamp):
                _make(home, python, stamp, progress or (lambda text: None), installer, environment)
    return Mirror(cli_config=home / "terraformrc")


def _make(
    home: Path,
    python: Path,
    stamp: dict[str, str],
    progress: Callable[[str], None],
    installer: Sequence[str] | None,
    environment: Mapping[str, str] | None,
) -> None:
    (home / "stamp.json").unlink(missing_ok=True)
    schema = home / "schema" / stamp["schema"]
    if not _schema_is_whole(schema):
        progress(f"fetching the schema of hashicorp/aws {PROVIDER_VERSION} (59 MB, once)")
        _extract(home, python, schema, installer, environment)
        for other in schema.parent.iterdir():
            if other != schema:
                shutil.rmtree(other, ignore_errors=True)
    _write(_package(home) / f"terraform-provider-aws_v{PROVIDER_VERSION}_x5", _LAUNCHER, executable=True)
    _write(home / "launch", _launch_script(python, schema), executable=True)
    _write(home / "terraformrc", _cli_config(home))
    _write(home / "stamp.json", json.dumps(stamp))


def _extract(
    home: Path,
    python: Path,
    schema: Path,
    installer: Sequence[str] | None,
    environment: Mapping[str, str] | None,
) -> None:
    for leftover in home.glob("download-*"):  # of a run that was killed; the lock is ours
        shutil.rmtree(leftover, ignore_errors=True)
    download = Path(tempfile.mkdtemp(prefix="download-", dir=home))
    try:
        _install(download, python, installer, environment)
        wheels = list(download.glob("*.whl"))
        _run(
            _extract_command(python, wheels[0] if wheels else download, schema),
            "The provider's schema could not be read from its package.",
            "Delete .tools/provider and run again; if it fails again, requirements/provider-schema.in and "
            "localcloud/provider/schema do not fit each other.",
            environment={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONSAFEPATH": "1"},
        )
    finally:
        shutil.rmtree(download, ignore_errors=True)


def _extract_command(python: Path, package: Path, schema: Path) -> list[str]:
    return [str(python), "-m", "localcloud.provider.schema", str(package), str(schema)]


def _install(
    target: Path, python: Path, installer: Sequence[str] | None, environment: Mapping[str, str] | None
) -> None:
    command = list(installer) if installer else _find_installer(python)
    is_uv = Path(command[0]).stem == "uv" or command[1:] == ["-m", "uv"]
    if not is_uv:
        command += ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(target)]
    else:
        command += ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile-bytecode"]
        command += ["--python", str(python), "--target", str(target)]
    _run(
        [*command, "-r", str(_REQUIREMENTS)],
        "The package with the provider's schema could not be fetched from the Python index.",
        "Check the network, the proxy and the index that pip or uv use, then run the same command again.",
        environment,
    )


def _find_installer(python: Path) -> list[str]:
    """uv where there is one, else the pip of any interpreter at hand."""
    candidates = [os.environ.get("UV", ""), shutil.which("uv") or "", str(Path(sys.executable).parent / "uv")]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return [candidate]
    for interpreter in (sys.executable, str(python), str(Path(sys.base_prefix) / "bin" / "python3")):
        for module in ("uv", "pip"):
            probe = subprocess.run([interpreter, "-m", module, "--version"], capture_output=True, check=False)
            if probe.returncode == 0:
                return [interpreter, "-m", module]
    raise MirrorError(
        "The package with the provider's schema can't be fetched.",
        "Neither uv nor pip was found.",
        "Install uv (https://docs.astral.sh/uv) or Python's pip, then run the same command again.",
    )


def _run(command: Sequence[str], what: str, next: str, environment: Mapping[str, str] | None = None) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise MirrorError(what, f"{command[0]} does not start: {error}.", next) from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit status {done.returncode}"]
        raise MirrorError(what, " ".join(line.strip() for line in lines[-4:]), next)


def _stamp(home: Path, python: Path) -> dict[str, str]:
    """What the files of the mirror were made from; when it differs, they are made again."""
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes())
    for source in sorted(
        [*(_ROOT / "localcloud" / "provider" / "schema").glob("*.py"), Path(__file__).parent / "wire.py"]
    ):
        digest.update(source.read_bytes())
    return {
        "schema": digest.hexdigest()[:16],
        "mirror": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "root": str(_ROOT),
        "home": str(home),
        "python": str(python),
    }


def _is_ready(home: Path, stamp: dict[str, str]) -> bool:
    try:
        made_from = json.loads((home / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    files = [_package(home) / f"terraform-provider-aws_v{PROVIDER_VERSION}_x5", home / "launch"]
    return (
        made_from == stamp
        and (home / "terraformrc").is_file()
        and all(os.access(file, os.X_OK) for file in files)
        and _schema_is_whole(home / "schema" / stamp["schema"])
    )


def _schema_is_whole(schema: Path) -> bool:
    # the folder appears by one rename, so it is whole when it is there; the names guard against someone's clean-up
    return all((schema / name).is_file() for name in ("schema.pb", "types.jsonl", "index.json"))


def _package(home: Path) -> Path:
    return home / "mirror" / _ADDRESS / PROVIDER_VERSION / _platform()


def _platform() -> str:
    """This machine as Terraform names it, e.g. `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def _launch_script(python: Path, schema: Path) -> str:
    # PYTHONSAFEPATH: a json.py in the folder Terraform runs in must not be imported. Without .pyc files a
    # start takes twice as long.
    return (
        "#!/bin/sh\n"
        "unset PYTHONDONTWRITEBYTECODE PYTHONHOME\n"
        f"export PYTHONSAFEPATH=1 PYTHONPATH={_quote(str(_ROOT))}\n"
        f"exec {_quote(str(python))} -m localcloud.provider {_quote(str(schema))}\n"
    )


def _cli_config(home: Path) -> str:
    mirror = json.dumps(str(home / "mirror"))
    return (
        "# Written by localcloud/provider/mirror.py: hashicorp/aws comes from this folder, and nothing else.\n"
        "disable_checkpoint = true\n"
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f"    path = {mirror}\n"
        "  }\n"
        "}\n"
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _write(path: Path, text: str, *, executable: bool = False) -> None:
    """Writes by rename: a provider that is starting sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    staging.write_text(text, encoding="utf-8")
    staging.chmod(0o755 if executable else 0o644)
    staging.replace(path)


@contextlib.contextmanager
def _lock(path: Path, progress: Callable[[str], None] | None) -> Iterator[None]:
    """Only one process makes the mirror. The lock ends with its holder, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows: local deployments run in WSL2, nothing competes here
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress:
                progress("waiting for another command that fetches the provider's schema")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
