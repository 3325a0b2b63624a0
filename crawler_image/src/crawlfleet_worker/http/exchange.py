"""What has come back for one request? Fed by its connection, read by the handler.

llhttp does the parsing, through httptools, as lenient as in aiohttp. It is told of nothing but bytes, so what it
cannot know is decided here: that an answer to HEAD has no body, that the end of the connection ends a body without a
length, and how much may come that is no body.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from scrapy.exceptions import DownloadFailedError

MOST_HEAD_BYTES: Final = 256 * 1024
"""Bytes in a row that are no body (heads, also 1xx ones, frames of chunks, trailers), before the answer is refused."""

NO_BODY: Final = frozenset({101, 204, 304})


class BodyBroken(Exception):  # noqa: N818 - says what happened
    """The answer's head came, its body did not come to its end."""


class _Refused(Exception):  # noqa: N818 - says what happened
    """The parser let something pass that aiohttp does not."""


class _Surplus(Exception):  # noqa: N818 - says what came
    """Another answer, which nobody asked for."""


class _Stage(Enum):
    HEAD = auto()
    BODY = auto()
    DONE = auto()


class Exchange:
    """One answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, has_body: bool, heard: Callable[[], None]) -> None:
        """`has_body`: not for HEAD. `heard` is called with the first byte."""
        self._loop, self._has_body, self._heard = loop, has_body, heard
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self.status, self.version = 0, ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended_by_close = False
        """Whether nothing but the end of the connection says where the body ends."""
        self._keep_alive = False
        self._stage = _Stage.HEAD
        self._silent = True
        self._surplus = False
        self._not_body = 0
        self._chunks: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """Whether the answer is complete and its connection can carry another one."""
        return self._stage is _Stage.DONE and self._keep_alive and not self._surplus and self._error is None

    # What the handler calls.

    async def head(self) -> None:
        """Wait for status and headers. Raises what `fail` was given, or DownloadFailedError."""
        while self._stage is _Stage.HEAD:
            await self._more()

    async def chunk(self) -> bytes:
        """Return what has come of the body since the last time; empty at its end. Raises as `head`, or BodyBroken."""
        while not self._chunks:
            if self._stage is _Stage.DONE and self._error is None:
                return b""
            await self._more()
        chunks, self._chunks = self._chunks, []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def fail(self, error: Exception) -> None:
        """End it with this error, unless it has ended."""
        if self._stage is not _Stage.DONE and self._error is None:
            self._error = error
            self._wake()

    # What the connection calls.

    def feed(self, data: memoryview) -> None:
        """Take in what has come."""
        if self._silent:
            self._silent = False
            self._heard()
        self._not_body += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._surplus = True
        except HttpParserError as error:
            self._refuse(error.__context__ if isinstance(error.__context__, _Refused) else error)
        if self._not_body > MOST_HEAD_BYTES:
            self._refuse(ValueError(f"more than {MOST_HEAD_BYTES} bytes in a row that are no body"))

    def lost(self, error: Exception | None) -> None:
        """Take in that the connection has ended."""
        if self._stage is _Stage.BODY and self.ended_by_close:
            self._end()
        elif self._stage is _Stage.BODY:
            self.fail(_caused(BodyBroken("the connection ended within the body"), error))
        else:
            cause = error or ConnectionResetError("the connection was closed")
            self.fail(_caused(DownloadFailedError(f"No answer came: {cause}"), cause))

    def close(self) -> None:
        """Let go of the parser, which holds this object in turn; nothing is fed any more."""
        del self._parser

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Stop where this is a second answer."""
        if self._stage is _Stage.DONE:
            self._surplus = True
            raise _Surplus

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a header; trailers are no part of a response."""
        if self._stage is _Stage.HEAD:
            if b"\0" in value:
                raise _Refused("a header with a NUL")
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Take in a head, unless a final one follows it."""
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self.headers.clear()
            return
        self.status, self.version = status, f"HTTP/{self._parser.get_http_version()}"
        self._keep_alive = status != 101 and self._parser.should_keep_alive()
        self._stage = _Stage.BODY
        if self._has_body and status not in NO_BODY:
            self.ended_by_close = not self._keep_alive and _has_no_length(self.headers)
            self._wake()
        else:
            self._end()

    def on_body(self, data: bytes) -> None:
        """Take in a piece of the body."""
        if self._stage is not _Stage.BODY:
            self._surplus = True
            return
        self._not_body = 0
        self._chunks.append(data)
        self._wake()

    def on_message_complete(self) -> None:
        """Take in that the body is complete."""
        if self._stage is _Stage.BODY:
            self._end()

    def _end(self) -> None:
        self._stage = _Stage.DONE
        self._wake()

    def _refuse(self, error: Exception) -> None:
        if self._stage is _Stage.DONE:
            self._surplus = True
        elif self._stage is _Stage.BODY:
            self.fail(_caused(BodyBroken(f"the body is malformed: {error}"), error))
        else:
            self.fail(_caused(DownloadFailedError(f"The answer is malformed: {error}"), error))

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _has_no_length(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the body has no end of its own: neither a length nor, as the last of its encodings, chunks."""
    has_length = False
    encodings = b""
    for name, value in headers:
        lowered = name.lower()
        has_length |= lowered == b"content-length"
        if lowered == b"transfer-encoding":
            encodings = value.lower()
    return not encodings.endswith(b"chunked") if encodings else not has_length


def _caused(error: Exception, cause: BaseException | None) -> Exception:
    error.__cause__ = cause
    return error
