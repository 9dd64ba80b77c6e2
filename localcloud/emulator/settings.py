"""The emulator's settings. They are environment variables that it reads while it is imported."""

from __future__ import annotations

import os
from pathlib import Path

ACCOUNT_ID = "000000000000"


def apply(directory: Path, port: int, region: str) -> None:
    """Set them for this process; to be called before anything of ministack is imported."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        # One thread a streaming response, so that it serves as many callers as an agent does.
        "MINISTACK_WORKER_THREADS": "512",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "state" / "s3"),
        "ECS_RESTORE_RECONCILE_DELAY_SECONDS": "0.2",
        "IOT_MTLS_ENABLED": "0",  # its port is fixed: two instances would clash
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(temporary),
        # A socket that does not exist: only our own engine may touch the containers of this machine.
        "DOCKER_HOST": f"unix://{temporary}/no-docker.sock",
    }
    os.environ.update(settings)
