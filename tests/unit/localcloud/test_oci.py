"""Images: references, safe unpacking, and the store that pulls each layer once."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.oci.reference import parse_reference
from localcloud.oci.registry import Content, RegistryError
from localcloud.oci.store import IMAGES_KEPT, ImageStore, PullError
from localcloud.oci.unpack import UnsafeLayer, unpack_layer
from tests.unit.localcloud.kit import TestImage, digest_of, image_of, layer_of

DIGEST = "sha256:" + "a" * 64


class FakeRegistry:
    """A registry in memory that counts what is downloaded."""

    def __init__(self, images: dict[str, TestImage]) -> None:
        self.images = images
        self.downloads: list[str] = []

    def manifest(self, repository: str, version: str) -> Content:
        for tag, image in self.images.items():
            if version in (tag, image.digest):
                return Content(image.digest, image.manifest)
        raise RegistryError(f"The registry answered 404 for {repository} {version}")

    def blob(self, repository: str, digest: str, target: Path) -> None:
        self.downloads.append(digest)
        for image in self.images.values():
            for blob in [*image.layers, image.config]:
                if digest_of(blob) == digest:
                    target.write_bytes(blob)
                    return
        raise RegistryError(f"The registry has no blob {digest}.")


def agent_image(code: str = "print()", **options: object) -> TestImage:
    return image_of([layer_of({"opt/deps/lib.py": "x = 1"}), layer_of({"app/main.py": code})], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "repository", "version"),
    [
        ("127.0.0.1:4566/vitracka/test-agent:1.0", "vitracka/test-agent", "1.0"),
        (f"127.0.0.1:4566/vitracka/test-agent@{DIGEST}", "vitracka/test-agent", DIGEST),
        (f"localhost:5000/a:1.0@{DIGEST}", "a", DIGEST),
        ("000000000000.dkr.ecr.us-east-1.amazonaws.com/vitracka/a", "vitracka/a", "latest"),
    ],
)
def test_references_of_the_local_registry(text: str, repository: str, version: str) -> None:
    reference = parse_reference(text)
    assert (reference.repository, reference.version, reference.is_emulated) == (repository, version, True)


@pytest.mark.parametrize(
    "text", ["nginx", "127.0.0.1:1/../x:1", "127.0.0.1:1/a@sha256:12", "127.0.0.1:1/A:1"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        parse_reference(text)


def test_an_image_of_elsewhere_is_not_pulled(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, FakeRegistry({}))  # type: ignore[arg-type]
    with pytest.raises(PullError, match="not in the local registry"):
        store.ensure("public.ecr.aws/docker/library/nginx:1")


def unpack(tmp_path: Path, fill: Callable[[tarfile.TarFile], None]) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        fill(tar)
    (tmp_path / "layer.tar").write_bytes(buffer.getvalue())
    root = tmp_path / "root"
    root.mkdir()
    unpack_layer(tmp_path / "layer.tar", root)
    return root


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, target, mode, 1_600_000_000
    return info


def test_files_keep_their_time_and_right_to_run(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        tar.addfile(member("bin", tarfile.DIRTYPE, mode=0o755))
        tar.addfile(member("bin/run", mode=0o4755), io.BytesIO(b""))
        tar.addfile(member("bin/link", tarfile.SYMTYPE, "run"))

    root = unpack(tmp_path, fill)
    status = (root / "bin/run").stat()
    assert status.st_mode & 0o7777 == 0o555
    assert status.st_mtime == 1_600_000_000
    assert (root / "bin").stat().st_mtime == 1_600_000_000
    assert (root / "bin/link").readlink() == Path("run")


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil"),
        member("/etc/evil"),
        member("a/../../evil"),
        member("a/.wh.b"),
        member("device", tarfile.CHRTYPE),
        member("hard", tarfile.LNKTYPE, "/etc/passwd"),
        member("out", tarfile.SYMTYPE, "../../etc"),
        member("absolute", tarfile.SYMTYPE, "/etc/passwd"),
    ],
    ids=lambda info: info.name,
)
def test_a_layer_can_not_leave_its_folder(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(UnsafeLayer, match="layer's"):
        unpack(tmp_path, lambda tar: tar.addfile(bad))
    assert not (tmp_path / "evil").exists()


def test_a_link_made_by_an_earlier_member_redirects_nothing(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        tar.addfile(member("folder", tarfile.SYMTYPE, "elsewhere"))
        tar.addfile(member("folder", tarfile.DIRTYPE))

    with pytest.raises(UnsafeLayer, match="replace"):
        unpack(tmp_path, fill)


def test_an_image_is_assembled_from_its_layers(tmp_path: Path) -> None:
    image = agent_image("print('hi')", version="7")
    store = ImageStore(tmp_path, FakeRegistry({"v7": image}))  # type: ignore[arg-type]
    pulled = store.ensure(f"127.0.0.1:1/vitracka/a@{image.digest}")
    assert pulled.rootfs == tmp_path / "images" / image.digest.removeprefix("sha256:") / "rootfs"
    assert (pulled.rootfs / "app/main.py").read_text() == "print('hi')"
    assert (pulled.rootfs / "opt/deps/lib.py").exists()
    assert pulled.environment["AGENT_VERSION"] == "7"
    assert pulled.working_directory == "/app"
    assert not list((tmp_path / "images").glob(".*"))


def test_a_layer_that_two_images_share_is_pulled_once(tmp_path: Path) -> None:
    first, second = agent_image("1"), agent_image("2")
    registry = FakeRegistry({"1": first, "2": second})
    store = ImageStore(tmp_path, registry)  # type: ignore[arg-type]
    store.ensure("127.0.0.1:1/a:1")
    store.ensure("127.0.0.1:1/a:2")
    shared = digest_of(first.layers[0])
    assert registry.downloads.count(shared) == 1


def test_a_task_that_writes_into_its_image_does_not_change_the_next_one(tmp_path: Path) -> None:
    first, second = agent_image("1"), agent_image("2")
    store = ImageStore(tmp_path, FakeRegistry({"1": first, "2": second}))  # type: ignore[arg-type]
    rootfs = store.ensure("127.0.0.1:1/a:1").rootfs
    (rootfs / "opt/deps/__pycache__").mkdir()
    assert not (store.ensure("127.0.0.1:1/a:2").rootfs / "opt/deps/__pycache__").exists()


def test_an_unpacked_image_serves_without_the_registry(tmp_path: Path) -> None:
    image = agent_image()
    registry = FakeRegistry({"1": image})
    reference = f"127.0.0.1:1/a@{image.digest}"
    ImageStore(tmp_path, registry).ensure(reference)  # type: ignore[arg-type]
    registry.images.clear()
    store = ImageStore(tmp_path, registry)  # type: ignore[arg-type]
    assert store.ensure(reference).digest == image.digest
    local = store.local(reference)
    assert local is not None
    assert local.rootfs.is_dir()


def test_what_can_not_run_here_is_refused(tmp_path: Path) -> None:
    images = {"arm": agent_image(architecture="riscv64"), "docker": agent_image(builder="docker")}
    store = ImageStore(tmp_path, FakeRegistry(images))  # type: ignore[arg-type]
    with pytest.raises(PullError, match="linux/riscv64, this machine is linux/"):
        store.ensure("127.0.0.1:1/a:arm")
    with pytest.raises(PullError, match="needs the docker engine"):
        store.ensure("127.0.0.1:1/a:docker")
    with pytest.raises(PullError, match="404"):
        store.ensure("127.0.0.1:1/a:missing")


def test_old_images_go_and_those_in_use_stay(tmp_path: Path) -> None:
    images = {str(number): agent_image(str(number)) for number in range(IMAGES_KEPT + 3)}
    store = ImageStore(tmp_path, FakeRegistry(images))  # type: ignore[arg-type]
    oldest = images["0"].digest
    store.in_use = lambda: {oldest}
    for tag in images:
        pulled = store.ensure(f"127.0.0.1:1/a:{tag}")
        # Made in the same moment otherwise, so that none is the oldest.
        os.utime(pulled.rootfs.parent, (int(tag), int(tag)))
    kept = {folder.name for folder in (tmp_path / "images").iterdir()}
    assert oldest.removeprefix("sha256:") in kept
    assert images["1"].digest.removeprefix("sha256:") not in kept
    assert len(list((tmp_path / "layers").iterdir())) == len(kept) + 1


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("localcloud.oci.store.unpack_layer", full)
    store = ImageStore(tmp_path, FakeRegistry({"1": agent_image()}))  # type: ignore[arg-type]
    with pytest.raises(PullError, match="disk is full"):
        store.ensure("127.0.0.1:1/a:1")
    assert not any((tmp_path / "images").iterdir())
    assert not any((tmp_path / "layers").iterdir())
