"""For tests of the engine: a tiny HTTP service as an OCI image, pushed to a registry, and its AWS resources."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

SERVICE = """
import json, os, signal, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = os.environ.get("AGENT_VERSION", "none")
HOG = []

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/health" and os.path.exists(os.environ["HOME"] + "/sick"):
            return self.answer(500, {"status": "sick"})
        if path.endswith("/env"):
            return self.answer(200, dict(os.environ))
        if path.endswith("/slow"):
            time.sleep(0.5)
        if path.endswith("/sick"):
            open(os.environ["HOME"] + "/sick", "w").close()
        if path.endswith("/hog"):
            HOG.append(bytearray(os.urandom(1) * (200 << 20)))
        if path.endswith("/stream"):
            return self.stream()
        print("GET", self.path, flush=True)
        self.answer(200, {"status": "ok", "version": VERSION, "path": self.path, "pid": os.getpid(),
                          "cwd": os.getcwd()})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(5):
            self.wfile.write(b"data: %d\\n\\n" % number)
            self.wfile.flush()
            time.sleep(0.2)
        self.close_connection = True

    def log_message(self, *arguments):
        pass

time.sleep(float(os.environ.get("START_DELAY", "0")))
if os.environ.get("BROKEN"):
    raise RuntimeError("this version is " + os.environ["BROKEN"])
server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
server.daemon_threads = False
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("serving", VERSION, flush=True)
server.serve_forever()
server.server_close()
print("stopped", flush=True)
"""
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class TestImage:
    """An OCI image in memory."""

    __test__ = False
    layers: list[bytes]
    config: bytes
    manifest: bytes = field(default=b"")

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(members: dict[str, str | bytes], *, mtime: int = 1_700_000_000) -> bytes:
    """A gzipped tar with these files, and the folders they need."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), mtime, 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def image_of(
    layers: list[bytes],
    *,
    version: str = "1",
    command: list[str] | None = None,
    architecture: str = ARCHITECTURE,
    builder: str = "bundle",
    env: list[str] | None = None,
) -> TestImage:
    """An image of these layers, with the configuration that ops' builder gives an agent's image."""
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Env": [
                    f"AGENT_VERSION={version}",
                    "PYTHONPATH=/app:/opt/deps",
                    "PYTHONUNBUFFERED=1",
                    *(env or []),
                ],
                "Cmd": command or ["python3", "-m", "tiny_service"],
                "WorkingDir": "/app",
                "User": "10001:10001",
                "Labels": {"org.vitracka.builder": builder},
            },
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest_of(layer),
                    "size": len(layer),
                }
                for layer in layers
            ],
        }
    ).encode()
    return TestImage(layers, config, manifest)


def service_image(version: str = "1", **options: Any) -> TestImage:
    """The tiny service as an image of two layers."""
    return image_of(
        [layer_of({"opt/deps/marker.txt": "dependencies"}), layer_of({"app/tiny_service.py": SERVICE})],
        version=version,
        **options,
    )


def push(port: int, repository: str, tag: str, image: TestImage) -> str:
    """Push over the distribution API. Returns the reference that is pinned by digest."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def call(method: str, path: str, body: bytes, content_type: str) -> None:
        connection.request(method, path, body=body, headers={"Content-Type": content_type})
        response = connection.getresponse()
        text = response.read()
        if response.status != 201:
            raise AssertionError(f"{method} {path}: {response.status} {text[:300]!r}")

    for blob in [*image.layers, image.config]:
        call(
            "POST",
            f"/v2/{repository}/blobs/uploads/?digest={digest_of(blob)}",
            blob,
            "application/octet-stream",
        )
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    call("PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, manifest_type)
    connection.close()
    return f"127.0.0.1:{port}/{repository}@{image.digest}"


def client(service: str, endpoint: str, **config: Any) -> Any:
    """A boto3 client for the local cloud."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, **config),
    )


class Stack:
    """A service behind a load balancer, as Terraform makes it for an agent."""

    REPOSITORY = "vitracka/tiny"
    LOG_GROUP = "/vitracka/tiny"

    def __init__(self, endpoint: str, name: str = "tiny") -> None:
        self.endpoint = endpoint
        self.port = int(endpoint.rsplit(":", 1)[1])
        self.name = name
        self.ecs = client("ecs", endpoint)
        self.elb = client("elbv2", endpoint)
        self.logs = client("logs", endpoint)
        self.target_group = ""

    @property
    def url(self) -> str:
        return f"{self.endpoint}/_alb/tiny-lb/agents/{self.name}"

    def create_platform(self) -> None:
        client("ecr", self.endpoint).create_repository(repositoryName=self.REPOSITORY)
        ec2 = client("ec2", self.endpoint)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)
        ]
        lb = self.elb.create_load_balancer(Name="tiny-lb", Subnets=subnets, Scheme="internal")[
            "LoadBalancers"
        ][0]
        listener = self.elb.create_listener(
            LoadBalancerArn=lb["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]
        self.target_group = self.elb.create_target_group(
            Name=self.name, Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elb.create_rule(
            ListenerArn=listener["ListenerArn"],
            Priority=100,
            Conditions=[
                {"Field": "path-pattern", "Values": [f"/agents/{self.name}", f"/agents/{self.name}/*"]}
            ],
            Actions=[{"Type": "forward", "TargetGroupArn": self.target_group}],
        )
        self.subnets = subnets
        self.ecs.create_cluster(clusterName="tiny")
        self.logs.create_log_group(logGroupName=self.LOG_GROUP)

    def register(
        self,
        image: str,
        environment: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        memory: int = 512,
        stop_timeout: int = 5,
    ) -> str:
        return self.ecs.register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory=str(memory),
            containerDefinitions=[
                {
                    "name": "agent",
                    "image": image,
                    "essential": True,
                    "portMappings": [{"containerPort": 8000}],
                    "environment": [{"name": k, "value": v} for k, v in (environment or {}).items()],
                    "secrets": [{"name": k, "valueFrom": v} for k, v in (secrets or {}).items()],
                    "stopTimeout": stop_timeout,
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": self.LOG_GROUP,
                            "awslogs-region": "us-east-1",
                            "awslogs-stream-prefix": self.name,
                        },
                    },
                }
            ],
        )["taskDefinition"]["taskDefinitionArn"]

    def create_service(self, definition: str, count: int = 1, grace: int = 20) -> None:
        self.ecs.create_service(
            cluster="tiny",
            serviceName=self.name,
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            healthCheckGracePeriodSeconds=grace,
            deploymentConfiguration={
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            },
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets}},
            loadBalancers=[
                {"targetGroupArn": self.target_group, "containerName": "agent", "containerPort": 8000}
            ],
        )

    def update(self, **changes: Any) -> None:
        self.ecs.update_service(cluster="tiny", service=self.name, **changes)

    def service(self) -> dict[str, Any]:
        return self.ecs.describe_services(cluster="tiny", services=[self.name])["services"][0]

    def primary(self) -> dict[str, Any]:
        return next(d for d in self.service()["deployments"] if d["status"] == "PRIMARY")

    def is_steady(self, definition: str) -> bool:
        """As a deploy decides it: the rollout of this very definition is complete and all of its tasks run."""
        service = self.service()
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        return (
            primary["taskDefinition"] == definition
            and primary["rolloutState"] == "COMPLETED"
            and primary["runningCount"] == service["desiredCount"] == service["runningCount"]
        )

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="tiny", serviceName=self.name, desiredStatus=status)["taskArns"]
        return self.ecs.describe_tasks(cluster="tiny", tasks=arns)["tasks"] if arns else []

    def log_messages(self) -> list[str]:
        return [e["message"] for e in self.logs.filter_log_events(logGroupName=self.LOG_GROUP)["events"]]
