"""What servers do, each by its path: right, odd, wrong and hostile. Scripts for `tests.servers.scripted`."""

from tests.servers.scripted import BREATHE, CLOSE, RESET, Script


def page(body: bytes = b"<p>hello", *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    lines = [
        b"HTTP/1.1 " + status,
        b"Content-Type: text/html",
        b"Content-Length: %d" % (len(body) if length is None else length),
    ]
    return b"\r\n".join([*lines, *headers, b"", body])


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])


CHUNKED = head(b"Transfer-Encoding: chunked", b"Content-Type: text/html")
MIB = b"x" * 1024 * 1024

RIGHT: dict[str, Script] = {
    "/page": (page(),),
    "/empty": (page(b""),),
    "/slow-pieces": tuple(part for byte in page() for part in (bytes([byte]),)),
    "/pieces": (page()[:20], BREATHE, page()[20:70], BREATHE, page()[70:]),
    "/chunked": (CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",),
    "/chunked-in-pieces": (CHUNKED, BREATHE, b"5\r\nhe", BREATHE, b"llo\r\n0\r", BREATHE, b"\n\r\n"),
    "/chunk-extensions": (CHUNKED + b"5;a=b;c\r\nhello\r\n0;last\r\n\r\n",),
    "/chunk-sizes-with-spaces": (CHUNKED + b"5  \r\nhello\r\n0\r\n\r\n",),
    "/trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",),
    "/until-close": (head(b"Content-Type: text/plain") + b"all of it", BREATHE, b" and more", CLOSE),
    "/until-close-empty": (head(), CLOSE),
    "/until-reset": (head() + b"all of it", BREATHE, RESET),
    "/connection-close": (page(b"bye", b"Connection: close"), CLOSE),
    "/http-1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", CLOSE),
    "/http-1.0-until-close": (b"HTTP/1.0 200 OK\r\n\r\nhi there", CLOSE),
    "/http-1.0-kept": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",),
    "/204": (b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",),
    "/304": (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",),
    "/304-with-length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",),
    "/404": (page(b"no", status=b"404 Not Found"),),
    "/503": (page(b"later", b"Retry-After: 7", status=b"503 Later"),),
    "/302": (page(b"", b"Location: /page", status=b"302 Found"),),
    "/999": (page(b"odd", status=b"999 Odd"),),
    "/no-reason": (page(b"x", status=b"200 "),),
    "/100": (b"HTTP/1.1 100 Continue\r\n\r\n" + page(),),
    "/103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", BREATHE, b"HTTP/1.1 102 P\r\n\r\n" + page()),
    "/many-values": (page(b"x", b"Set-Cookie: a=1", b"set-cookie: b=2", b"X-Empty:", b"X-Space:   a b  "),),
    "/utf-8-header": (page(b"x", "X-Name: Zoë".encode()),),
    "/gzip": (page(b"\x1f\x8b not decoded here", b"Content-Encoding: gzip"),),
    "/lines-end-in-lf": (page().replace(b"\r\n", b"\n"),),
    "/big": (page(MIB),),
    "/charset": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=latin-1\r\nContent-Length: 1\r\n\r\n\xe9",),
    "/binary": (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 2\r\n\r\n\x89P",),
    "/json": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",),
    "/untyped": (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",),
    "/offers-an-upgrade": (page(b"x", b"Upgrade: h2,h2c", b"Connection: Upgrade, Keep-Alive"),),
    "/folded-header": (page(b"x", b"X-Folded: a\r\n  b"),),
}
"""Answers that can be read."""

WRONG: dict[str, Script] = {
    "/nothing": (CLOSE,),
    "/reset": (RESET,),
    "/part-of-a-head": (b"HTTP/1.1 200 OK\r\nContent-", BREATHE, CLOSE),
    "/100-and-nothing": (b"HTTP/1.1 100 Continue\r\n\r\n", BREATHE, CLOSE),
    "/part-of-a-body": (page(b"half", length=8), BREATHE, CLOSE),
    "/part-of-a-body-reset": (page(b"half", length=8), BREATHE, RESET),
    "/part-of-the-chunks": (CHUNKED + b"5\r\nhello\r\n", BREATHE, CLOSE),
    "/part-of-a-chunk": (CHUNKED + b"9\r\nhel", BREATHE, CLOSE),
    "/no-last-line": (CHUNKED + b"5\r\nhello\r\n0\r\n", BREATHE, CLOSE),
    "/chunk-size-no-number": (CHUNKED, BREATHE, b"zz\r\nhello\r\n0\r\n\r\n", BREATHE, CLOSE),
    "/chunk-size-negative": (CHUNKED, BREATHE, b"-5\r\nhello\r\n0\r\n\r\n", BREATHE, CLOSE),
    "/chunk-size-too-large": (CHUNKED, BREATHE, b"ffffffffffffffffff\r\nhello", BREATHE, CLOSE),
    "/chunk-too-long": (CHUNKED, BREATHE, b"3\r\nhello\r\n0\r\n\r\n", BREATHE, CLOSE),
    "/chunk-too-long-at-once": (CHUNKED + b"3\r\nhello\r\n0\r\n\r\n", BREATHE, CLOSE),
    "/length-no-number": (head(b"Content-Length: abc") + b"hello", CLOSE),
    "/length-negative": (head(b"Content-Length: -5") + b"hello", CLOSE),
    "/length-too-large": (head(b"Content-Length: 99999999999999999999999") + b"hello", CLOSE),
    "/lengths-that-differ": (head(b"Content-Length: 3", b"Content-Length: 5") + b"hello", CLOSE),
    "/lengths-in-a-list": (head(b"Content-Length: 5, 5") + b"hello", CLOSE),
    "/length-and-chunks": (
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        CLOSE,
    ),
    "/not-http": (b"hello\r\n\r\n", CLOSE),
    "/ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE),
    "/http-2": (b"HTTP/2.0 200 OK\r\n\r\n", CLOSE),
    "/http-9.9": (b"HTTP/9.9 200 OK\r\n\r\n", CLOSE),
    "/status-no-number": (page(status=b"abc OK"), CLOSE),
    "/status-of-two-digits": (page(status=b"20 OK"), CLOSE),
    "/status-of-four-digits": (page(status=b"2000 OK"), CLOSE),
    "/header-without-colon": (page(b"x", b"no colon here"), CLOSE),
    "/header-without-name": (page(b"x", b": value"), CLOSE),
    "/space-before-colon": (page(b"x", b"X-Name : value"), CLOSE),
    "/nul-in-header": (page(b"x", b"X-Name: a\0b"), CLOSE),
    "/encoded-otherwise": (head(b"Transfer-Encoding: gzip") + b"hello", CLOSE),
    "/chunked-not-last": (head(b"Transfer-Encoding: chunked, gzip") + b"5\r\nhello\r\n0\r\n\r\n", CLOSE),
}
"""Answers that break off, or break the rules; each ends its connection."""

TOO_MUCH: dict[str, Script] = {
    "/garbage-after": (page() + b"garbage", BREATHE, CLOSE),
    "/second-answer": (page() + page(b"poison"), BREATHE, CLOSE),
    "/second-answer-later": (page(), BREATHE, page(b"poison"), BREATHE, CLOSE),
    "/blank-lines-after": (page() + b"\r\n\r\n",),
    "/more-than-its-length": (page(b"hello and more", length=5), BREATHE, CLOSE),
    "/more-than-its-chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\nmore", BREATHE, CLOSE),
    "/204-with-a-body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", BREATHE, CLOSE),
    "/304-with-a-body": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", BREATHE, CLOSE),
    "/204-with-chunks": (
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        BREATHE,
        CLOSE,
    ),
    "/more-after-close": (page(b"bye", b"Connection: close") + b"more", BREATHE, CLOSE),
    "/101-without-upgrade": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", BREATHE, CLOSE),
    "/101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nnot http", BREATHE, CLOSE),
}
"""Answers with something behind them."""

ALL = {**RIGHT, **WRONG, **TOO_MUCH}

HEADS: dict[str, Script] = {
    "/length": (page(b"", length=500),),
    "/no-length": (head(b"Content-Type: text/html"),),
    "/chunked": (CHUNKED,),
    "/close": (page(b"", b"Connection: close", length=5), CLOSE),
    "/http-1.0": (b"HTTP/1.0 200 OK\r\n\r\n", CLOSE),
    "/304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",),
    "/nothing": (CLOSE,),
    "/gzip": (page(b"", b"Content-Encoding: gzip"),),
}
"""Answers to HEAD."""
