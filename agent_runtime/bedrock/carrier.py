"""Carries boto3's signed requests over aiohttp, which took a tenth of httpx's CPU (docs/decisions/0005)."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import urllib3.exceptions
from aiohttp import ClientTimeout, hdrs
from botocore import exceptions
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import ProxyConfiguration, get_cert_path, mask_proxy_url
from botocore.utils import get_environ_proxies
from yarl import URL

from agent_runtime.bedrock import pieces
from agent_runtime.bedrock.bridge import is_inside, wait_for

IDLE_SECONDS = 50.0
"""How long an idle connection is kept. AWS's front ends close theirs after a minute or more."""
OWN_HEADERS = frozenset({hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT, hdrs.CONTENT_TYPE})
"""What aiohttp would add: the signature is over boto3's headers, so nothing is added to them."""


class Carrier:
    """The process's connections to one endpoint, with boto3's proxies and certificates."""

    def __init__(
        self, endpoint_url: str, *, ca_bundle: str | None, connect_seconds: float, read_seconds: float
    ) -> None:
        """`ca_bundle`: a file of certificates to trust instead of the usual ones."""
        self._timeout = ClientTimeout(total=None, sock_connect=connect_seconds, sock_read=read_seconds)
        self._verify = ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._proxy = ProxyConfiguration(get_environ_proxies(endpoint_url)).proxy_url_for(endpoint_url)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Handles botocore's event `before-send`. None, off the event loop, leaves the request to botocore."""
        if not is_inside():
            return None
        with _as_botocore(request, self._proxy):
            found = wait_for(self._request(request))
            response = AWSResponse(request.url, found.status, found.headers, Body(found))
            if not request.stream_output:
                response.content  # noqa: B018  read it now, so that losing the connection can be retried
            return response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _request(self, request: AWSPreparedRequest) -> aiohttp.ClientResponse:
        return await self._open().request(
            request.method,
            # Encoded by botocore, and signed: not to be encoded in another way.
            URL(request.url, encoded=True),
            data=request.body,
            headers={name: _text(value) for name, value in request.headers.items()},
            allow_redirects=False,
            proxy=self._proxy,
        )

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                # How many there are at a time is bounded where invocations are.
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=_tls(self._verify), keepalive_timeout=IDLE_SECONDS
                ),
                timeout=self._timeout,
                auto_decompress=False,
                skip_auto_headers=OWN_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


class Body:
    """A response's body, as botocore reads one. Losing the connection raises what urllib3 raises."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        ended = False
        while not ended:
            read: list[bytes] = []
            try:
                if pieces.may_wait():
                    # A task, since each packet wakes whoever reads: it has two frames, this one Strands' thirty.
                    wait_for(asyncio.ensure_future(self._read_rest(read)))
                    ended = True
                else:
                    read.append(wait_for(self._response.content.readany()))
                    ended = not read[0]
            except BaseException as error:
                self.close()
                if isinstance(error, Exception):
                    yield b"".join(read)
                    raise _as_urllib3(error, str(self._response.url)) from error
                raise
            yield b"".join(read)

    async def _read_rest(self, into: list[bytes]) -> None:
        while data := await self._response.content.readany():
            into.append(data)

    def close(self) -> None:
        """Close the connection, unless the whole body was read and the connection kept for the next request."""
        self._response.close()


def _as_urllib3(error: Exception, url: str) -> Exception:
    """What boto3 raises for a connection lost while an answer is read."""
    if isinstance(error, TimeoutError):
        return urllib3.exceptions.ReadTimeoutError(None, url, "Read timed out.")  # type: ignore[arg-type]
    if isinstance(error, aiohttp.ClientError):
        return urllib3.exceptions.ProtocolError(f"Connection broken: {error!r}", error)
    return error


@contextmanager
def _as_botocore(request: AWSPreparedRequest, proxy: str | None) -> Iterator[None]:
    """Raise what botocore raises, which is what its retries and our problems know."""
    url = request.url
    try:
        yield
    except aiohttp.ClientSSLError as error:
        raise exceptions.SSLError(endpoint_url=url, error=error) from error
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
        raise exceptions.ProxyConnectionError(proxy_url=mask_proxy_url(proxy), error=error) from error
    except aiohttp.ConnectionTimeoutError as error:
        raise exceptions.ConnectTimeoutError(endpoint_url=url, error=error) from error
    except (TimeoutError, urllib3.exceptions.ReadTimeoutError) as error:
        raise exceptions.ReadTimeoutError(endpoint_url=url, error=error) from error
    except aiohttp.ClientConnectorError as error:
        raise exceptions.EndpointConnectionError(endpoint_url=url, error=error) from error
    except (
        aiohttp.ClientConnectionError,
        aiohttp.ClientPayloadError,
        urllib3.exceptions.ProtocolError,
    ) as error:
        raise exceptions.ConnectionClosedError(endpoint_url=url, request=request, error=error) from error
    except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError) as error:
        raise exceptions.HTTPClientError(error=error) from error


def _tls(verify: bool | str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=get_cert_path(verify))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
