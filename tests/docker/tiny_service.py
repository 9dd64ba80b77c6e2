"""The service inside the test's image: it tells what it finds in its container. Standard library only."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOG = []


def can_write(folder: str) -> bool:
    try:
        probe = Path(folder) / f"probe-{threading.get_ident()}"
        probe.write_text("x")
        probe.unlink()
    except OSError:
        return False
    return True


def facts() -> dict:
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line
    )
    return {
        "version": os.environ.get("AGENT_VERSION"),
        "environment": dict(os.environ),
        "uid": os.getuid(),
        "capabilities": status["CapEff"],
        "writes_root": can_write("/app") or can_write("/"),
        "writes_tmp": can_write("/tmp"),
        "writes_data": can_write("/data"),
        "pid": os.getpid(),
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/hog"):
            HOG.append(os.urandom(1) * (1 << 30))
        if self.path.endswith("/slow"):
            time.sleep(0.3)
        body = json.dumps({"status": "ok"} if self.path == "/health" else facts()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path != "/health":
            print("served", self.path, flush=True)

    def log_message(self, *arguments: object) -> None:
        pass


if os.environ.get("BROKEN"):
    sys.exit("RuntimeError: this version is broken")
server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
server.daemon_threads = False
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("serving", flush=True)
server.serve_forever()
server.server_close()
print("stopped", flush=True)
