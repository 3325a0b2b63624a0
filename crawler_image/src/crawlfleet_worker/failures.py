"""Which kind of error is this exception of a download? The kinds are `counters.ERROR_KINDS`."""

import ssl
from collections.abc import Iterator

import aiohttp
from OpenSSL import SSL
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from twisted.internet import error as twisted_error

_TLS = (ssl.SSLError, ssl.CertificateError, SSL.Error, aiohttp.ClientSSLError)
_DNS = (CannotResolveHostError, twisted_error.DNSLookupError, aiohttp.ClientConnectorDNSError)
_TIMEOUT = (DownloadTimeoutError, TimeoutError, twisted_error.TimeoutError)
_CONNECTION = (
    DownloadConnectionRefusedError,
    ResponseDataLossError,
    ConnectionError,
    twisted_error.ConnectError,
    twisted_error.ConnectionClosed,
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
)


def kind_of(exception: BaseException) -> str:
    """Return `tls`, `dns`, `timeout`, `connection`, or `download` for any other exception.

    Scrapy wraps what its handlers raise, so the causes are looked at as well; the most telling kind wins.
    """
    chain = tuple(_causes(exception))
    for kind, types in (("tls", _TLS), ("dns", _DNS), ("timeout", _TIMEOUT), ("connection", _CONNECTION)):
        if any(isinstance(cause, types) for cause in chain):
            return kind
    return "download"


def _causes(exception: BaseException) -> Iterator[BaseException]:
    yield exception
    for failure in getattr(exception, "reasons", ()):  # twisted.web's ResponseFailed keeps its causes there
        yield failure.value
    if exception.__cause__ is not None:
        yield from _causes(exception.__cause__)
