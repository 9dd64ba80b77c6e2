"""Speaks go-plugin's handshake and serves the RPCs over gRPC on a Unix socket."""

from __future__ import annotations

import base64
import datetime
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from localcloud.provider import wire
from localcloud.provider.service import ProviderService

# What Terraform sets to tell a plugin from a program that somebody started by hand; public, the same for every
# provider.
_COOKIE_NAME = "TF_PLUGIN_MAGIC_COOKIE"
_COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
_MESSAGE_LIMIT = 64 * 2**20  # bytes; grpc's own default of 4 MB is close to a schema with documentation
_PARENT_CHECK_SECONDS = 0.5
_THREADS = 16  # Terraform walks ten resources at a time by default


def serve(service: ProviderService) -> None:
    """Serves until Terraform asks to stop. Prints the handshake line on standard output, as go-plugin demands."""
    if os.environ.get(_COOKIE_NAME) != _COOKIE:
        sys.exit(
            "This program is a Terraform provider: Terraform starts it. There is nothing to run by hand."
        )
    # Ctrl-C reaches the whole process group. Terraform decides what happens then: it waits for the operation
    # under way, and asks to stop by StopProvider and Shutdown. A provider that died on its own would leave
    # resources that no state knows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    stopped = threading.Event()
    server = grpc.server(
        futures.ThreadPoolExecutor(_THREADS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
            ("grpc.max_send_message_length", _MESSAGE_LIMIT),
        ],
    )
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("tfplugin6.Provider", _handlers(service)),
            grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": _shutdown(stopped)}),
            grpc.method_handlers_generic_handler(
                "plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(_no_output)}
            ),
        )
    )
    with tempfile.TemporaryDirectory(prefix="tf-") as directory:  # mode 0700: only this user can connect
        socket = Path(directory) / "socket"
        handshake = f"1|6|unix|{socket}|grpc"
        if os.environ.get("PLUGIN_CLIENT_CERT"):  # who starts the provider and wants TLS says so
            certificate, pem, key = _certificate()
            server.add_secure_port(f"unix:{socket}", grpc.ssl_server_credentials([(key, pem)]))
            handshake += f"|{base64.b64encode(certificate).decode().rstrip('=')}"
        else:  # one that several commands join (TF_REATTACH_PROVIDERS)
            server.add_insecure_port(f"unix:{socket}")
        server.start()
        print(handshake, flush=True)
        # A Terraform that is killed can't ask to stop: its end is seen by whose child this process is then.
        terraform = os.getppid()
        while not stopped.wait(_PARENT_CHECK_SECONDS) and os.getppid() == terraform:
            pass
        server.stop(0)
    # The thread pool would be joined at exit; Terraform waits for the process and nothing is left to do.
    os._exit(0)


def _handlers(service: ProviderService) -> dict[str, Any]:
    handlers = {
        # the schema is kept as it is sent: neither decoded nor encoded here
        "GetProviderSchema": grpc.unary_unary_rpc_method_handler(
            lambda request, context: service.schema_response()
        )
    }
    for name in wire.RPCS:
        if name != "GetProviderSchema":
            handlers[name] = grpc.unary_unary_rpc_method_handler(
                lambda request, context, name=name: service.answer(
                    name, wire.decode(f"{name}Request", request)
                ),
                response_serializer=lambda message: message.SerializeToString(),
            )
    return handlers


def _shutdown(stopped: threading.Event) -> Any:
    def shutdown(request: bytes, context: Any) -> bytes:
        threading.Timer(0.01, stopped.set).start()  # answer first
        return b""

    return grpc.unary_unary_rpc_method_handler(shutdown)


def _no_output(request: bytes, context: Any) -> Iterator[bytes]:
    return iter(())


def _certificate() -> tuple[bytes, bytes, bytes]:
    """A certificate for this process's socket only: go-plugin pins the one in the handshake. Returns DER, PEM
    and key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.DER),
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
