"""How is TLS spoken? One context for all connections, by Scrapy's settings, and an earlier session taken up again."""

import ssl
from collections import OrderedDict
from typing import Final, cast

from scrapy.settings import BaseSettings
from scrapy.utils.ssl import _make_ssl_context

from crawlfleet_worker.http.outgoing import Origin

MOST_SESSIONS: Final = 1_000


class Sessions:
    """The latest TLS session with each origin."""

    def __init__(self, settings: BaseSettings) -> None:
        """Read Scrapy's TLS settings. ValueError names one that is not understood."""
        self._context = _make_ssl_context(settings)
        self._latest: OrderedDict[Origin, ssl.SSLSession] = OrderedDict()

    def context_for(self, origin: Origin) -> ssl.SSLContext:
        """Return what a connection to this origin is to be made with: the context, offering the latest session."""
        return cast("ssl.SSLContext", _Offering(self._context, self._latest.get(origin)))

    def keep(self, origin: Origin, spoken: ssl.SSLObject) -> None:
        """Remember the session of a connection; to be called after an answer: tickets come after the handshake."""
        if spoken.session is None:
            return
        self._latest[origin] = spoken.session
        self._latest.move_to_end(origin)
        if len(self._latest) > MOST_SESSIONS:
            self._latest.popitem(last=False)


class _Offering:
    """As much of a context as asyncio asks for; asyncio itself has no way to name a session."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        self._context, self._session = context, session

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
    ) -> ssl.SSLObject:
        return self._context.wrap_bio(incoming, outgoing, server_side, server_hostname, self._session)
