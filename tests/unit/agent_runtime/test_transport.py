"""The native transport's own parts: waiting, connections, proxies, certificates, credentials, retries."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import RefreshableCredentials
from botocore.eventstream import EventStream
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser

from agent_runtime import model as models
from agent_runtime.bedrock import bridge
from agent_runtime.bedrock.credentials import LoopCredentials
from agent_runtime.bedrock.events import TextEvents
from agent_runtime.bedrock.pieces import Gathering, watched
from localcloud.bedrock import frames

ASKED = [{"role": "user", "content": [{"text": "Hi"}]}]


@pytest.fixture
async def connect(bedrock) -> AsyncIterator[Callable[..., Any]]:
    made = []

    def make(**options: Any) -> Any:
        limits = {"connections": 4, "connect_seconds": 2.0, "read_seconds": 5.0, "attempts": 2, **options}
        made.append(models.make("native", "us-east-1", {"model_id": "anthropic.claude-haiku-5-5"}, **limits))
        return made[-1]

    yield make
    for client in made:
        await client.close()


async def text_of(client: Any) -> str:
    pieces = [event async for event in client.stream(ASKED)]
    return "".join(
        piece["contentBlockDelta"]["delta"]["text"] for piece in pieces if "contentBlockDelta" in piece
    )


# Waiting


async def collected(function: Callable[[bridge.Emit], None]) -> list[Any]:
    return [event async for event in bridge.run(function)]


async def test_code_that_blocks_waits_on_the_loop() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    def blocking(emit: bridge.Emit) -> None:
        assert bridge.is_inside()
        for number in range(3):
            emit(bridge.wait_for(double(number)))

    assert not bridge.is_inside()
    assert await collected(blocking) == [0, 2, 4]


async def test_what_was_emitted_comes_before_the_error() -> None:
    def fails(emit: bridge.Emit) -> None:
        emit(1)
        raise ValueError("no")

    source = bridge.run(fails)
    assert await anext(source) == 1
    with pytest.raises(ValueError, match="no"):
        await anext(source)


async def test_an_awaited_error_is_raised_where_it_is_waited_for() -> None:
    async def fails() -> None:
        raise OSError("gone")

    def blocking(emit: bridge.Emit) -> None:
        try:
            bridge.wait_for(fails())
        except OSError as error:
            emit(str(error))

    assert await collected(blocking) == ["gone"]


@pytest.mark.parametrize("how", ["cancelled", "closed"])
async def test_who_leaves_stops_the_code_where_it_waits(how: str) -> None:
    stopped = []

    def blocking(emit: bridge.Emit) -> None:
        try:
            emit("begun")
            bridge.wait_for(asyncio.sleep(60))
        finally:
            stopped.append(True)

    source = bridge.run(blocking)
    assert await anext(source) == "begun"
    if how == "closed":
        await source.aclose()
    else:
        task = asyncio.ensure_future(anext(source))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert stopped


# Connections


async def test_leaving_a_stream_closes_its_connection(bedrock, connect, eventually) -> None:
    bedrock.stall = True
    stream = connect().stream(ASKED)
    while "contentBlockDelta" not in await anext(stream):
        assert bedrock.open == 1
    await stream.aclose()
    await eventually(lambda: bedrock.open == 0)


async def test_a_call_without_an_answer_is_left_at_once(bedrock, connect, eventually) -> None:
    bedrock.stall, bedrock.pieces = True, ["x"]
    task = asyncio.create_task(text_of(connect()))
    await eventually(lambda: bedrock.open == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: bedrock.open == 0)


async def test_no_thread_is_taken(bedrock, connect) -> None:
    bedrock.piece_seconds = 0.05
    client = connect()
    before = threading.active_count()
    answers = asyncio.gather(*(text_of(client) for _ in range(20)))
    await asyncio.sleep(0.05)
    assert threading.active_count() == before
    assert set(await answers) == {"One two."}
    assert bedrock.connections == 20


@asynccontextmanager
async def relay(target: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Any]:
    """Passes connections on to the stub, through TLS or as an HTTP proxy. Yields (port, first lines seen)."""
    port = int(target.rpartition(":")[2])
    seen: list[bytes] = []

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            there, back = await asyncio.open_connection("127.0.0.1", port)
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head)
            back.write(head)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


async def test_a_proxy_is_used_and_left_out_where_told(bedrock, connect, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://bedrock.invalid")
    async with relay(bedrock.url) as (port, seen):
        for name in ("http_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{port}")
        assert await text_of(connect()) == "One two."
        assert seen[0].startswith(b"POST http://bedrock.invalid/model/")
        assert b"proxy-authorization: basic" in seen[0].lower()
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", bedrock.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert await text_of(connect()) == "One two."
        assert len(seen) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bedrock")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", None])
async def test_certificates_are_checked_against_the_bundle(
    bedrock, connect, monkeypatch, certificate, variable
) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with relay(bedrock.url, tls=tls) as (port, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", f"https://127.0.0.1:{port}")
        if variable:
            monkeypatch.setenv(variable, str(certificate))
            assert await text_of(connect()) == "One two."
        else:
            with pytest.raises(exceptions.SSLError):
                await text_of(connect())
            assert not bedrock.requests


# Credentials


class Source:
    """Credentials that expire `left` seconds from now; counts where and how often they are refreshed."""

    def __init__(self, left: float) -> None:
        self.refreshed: list[int] = []
        self.let_go = threading.Event()
        self.credentials = RefreshableCredentials(
            **self._metadata(left), refresh_using=self._refresh, method="test"
        )

    def _refresh(self) -> dict[str, str]:
        self.refreshed.append(threading.get_ident())
        assert self.let_go.wait(5)
        fresh = self._metadata(3600)
        return {**fresh, "expiry_time": fresh["expiry_time"].isoformat(), "access_key": "new"}

    def expire(self, in_seconds: float) -> None:
        self.credentials._expiry_time = self._metadata(in_seconds)["expiry_time"]

    @staticmethod
    def _metadata(left: float) -> dict[str, Any]:
        when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=left)
        return {"access_key": "old", "secret_key": "s", "token": "t", "expiry_time": when}


def key_of(credentials: LoopCredentials) -> Any:
    return collected(lambda emit: emit(credentials.get_frozen_credentials().access_key))


async def test_expired_credentials_are_refreshed_once_and_not_on_the_loop() -> None:
    source = Source(left=60)
    credentials = LoopCredentials(source.credentials)
    asking = asyncio.gather(*(key_of(credentials) for _ in range(10)))
    await asyncio.sleep(0.05)  # the loop is free meanwhile
    source.let_go.set()
    assert await asking == [["new"]] * 10
    assert len(source.refreshed) == 1
    assert source.refreshed[0] != threading.get_ident()


async def test_credentials_that_soon_expire_are_used_while_they_are_refreshed(eventually) -> None:
    source = Source(left=60)
    credentials = LoopCredentials(source.credentials)
    source.let_go.set()
    assert await key_of(credentials) == ["new"]
    source.let_go.clear()
    source.expire(in_seconds=12 * 60)
    assert await key_of(credentials) == ["new"]
    await eventually(lambda: len(source.refreshed) == 2)
    source.let_go.set()
    await eventually(lambda: not source.credentials.refresh_needed())


async def test_no_credentials(bedrock, connect, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(exceptions.NoCredentialsError):
        await text_of(connect())


# Retries


async def test_the_loop_is_free_while_a_retry_waits(bedrock, connect, monkeypatch, eventually) -> None:
    monkeypatch.setattr("time.sleep", _forbidden)
    waits = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr("agent_runtime.bedrock.native.asyncio.sleep", sleep)
    bedrock.error = (503, "ServiceUnavailableException")
    with pytest.raises(exceptions.ClientError):
        await text_of(connect(attempts=3))
    assert len(bedrock.requests) == 3
    assert len([wait for wait in waits if wait > 0]) <= 2


def _forbidden(seconds: float) -> None:
    assert seconds == 0, "the event loop would wait"


async def test_retries_do_not_multiply_an_outage(bedrock, connect, monkeypatch) -> None:
    """botocore's quota: 500 tokens, of which a retry takes some and only a success gives them back."""
    monkeypatch.setattr("random.random", lambda: 0.0)
    bedrock.error = (503, "ServiceUnavailableException")
    client = connect()
    for _ in range(120):
        with pytest.raises(exceptions.ClientError):
            await text_of(client)
    assert 120 <= len(bedrock.requests) <= 120 + 100
    bedrock.requests.clear()
    with pytest.raises(exceptions.ClientError):
        await text_of(client)
    assert len(bedrock.requests) == 1, "the budget is spent"


# Events


def parsed(kind: type[EventStream], *sent: bytes) -> list[dict[str, Any]]:
    from botocore.loaders import Loader

    service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    shape = service.operation_model("ConverseStream").output_shape.members["stream"]

    class Raw:
        def stream(self) -> Any:
            yield from sent

    return list(kind(Raw(), shape, EventStreamJSONParser(), "ConverseStream"))


@pytest.mark.parametrize(
    "content",
    [
        {"delta": {"text": "Grüße"}, "contentBlockIndex": 0},
        {"delta": {"text": ""}, "contentBlockIndex": 1, "p": "abcdefgh"},
        {"delta": {"text": "x"}, "contentBlockIndex": 0, "unknown": {"a": 1}},
        {"delta": {"toolUse": {"input": '{"a'}}, "contentBlockIndex": 0},
        {"delta": {"reasoningContent": {"redactedContent": "AAEC"}}, "contentBlockIndex": 0},
        {"delta": {"reasoningContent": {"text": "hm"}}, "contentBlockIndex": 0},
    ],
)
def test_events_are_read_as_botocore_reads_them(content: dict[str, Any]) -> None:
    frame = frames.event("contentBlockDelta", content)
    sent = (frame[:9], frame[9:] + frames.event("messageStop", {"stopReason": "end_turn"}))
    expected = parsed(EventStream, *sent)
    assert len(expected) == 2
    assert parsed(TextEvents, *sent) == expected


def delta(text: str, index: int = 0) -> dict[str, Any]:
    return {"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": index}}


def test_pieces_after_the_first_are_put_together() -> None:
    out: list[Any] = []
    gathering = Gathering(out.append)
    tool = {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 2}}
    for event in (delta("a"), delta("b"), delta("c"), delta("d", 1), delta("e", 1), tool, None):
        gathering(event)
    assert out == [delta("a"), delta("bc"), delta("d", 1), delta("e", 1), tool, None]


@pytest.mark.parametrize("somebody_watches", [True, False])
async def test_a_caller_who_sees_no_pieces_gets_the_same_text(bedrock, connect, somebody_watches) -> None:
    bedrock.pieces = ["a", "b", "c", "d"]
    watched.set(somebody_watches)
    events = [event async for event in connect().stream(ASKED)]
    texts = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert texts == (["a", "b", "c", "d"] if somebody_watches else ["a", "bcd"])


# What is sent


async def test_what_was_signed_is_what_is_sent(bedrock, connect) -> None:
    signed: list[AWSPreparedRequest] = []
    client = connect()
    client.client.meta.events.register_first(
        "before-send.bedrock-runtime.*", lambda request, **_: signed.append(request)
    )
    await text_of(client)
    lines = bedrock.requests[0]["head"].strip().split("\r\n")[1:]
    sent = dict(line.split(": ", 1) for line in lines)
    expected = {
        name.lower(): (value.decode() if isinstance(value, bytes) else value).lower()
        for name, value in signed[0].headers.items()
    }
    assert sent.pop("host") == bedrock.url.removeprefix("http://")
    assert sent == expected
    assert json.loads(signed[0].body)["messages"] == ASKED
