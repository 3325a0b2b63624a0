"""A site on which each folder has what one part of Scrapy has to deal with; each page names itself and has links."""

import base64
import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import brotli

from tests.worker.frontier.server import Answer, Arrival


def page(name: str, links: "Sequence[str]" = (), head: str = "", **fields) -> Answer:
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    encoding = fields.pop("encoding", "utf-8")
    body = f"<html><head>{head}</head><body><h1>{name}</h1>{anchors}</body></html>"
    return Answer(body=body.encode(encoding), **fields)


def moved(to: str, status: int = 302, **fields) -> Answer:
    return Answer(status, headers=(("Location", to),), body=b"", **fields)


MOVED = {
    "/moved": page(
        "moved", [f"/moved/{name}" for name in ("301", "303", "307", "308", "up", "loop", "nowhere", "bare")]
    ),
    **{f"/moved/{status}": moved(f"/end?{status}", status) for status in (301, 303, 307, 308)},
    "/moved/up": moved("../end?up#there"),
    "/moved/loop": moved("/moved/loop?again"),
    "/moved/nowhere": moved("mailto:a@b.example"),
    "/moved/bare": Answer(302, body=b"no location"),
    "/end": page("end", ["/meta/relative", "/meta/quoted", "/meta/late", "/meta/loop"]),
    "/meta/relative": page("one", head='<meta http-equiv="refresh" content="0; url=../end?relative">'),
    "/meta/quoted": page("two", head="<meta http-equiv=refresh content=\"1;URL='/end?a=%C3%a9&amp;b= c'\">"),
    "/meta/late": page("three", head='<meta http-equiv="refresh" content="900; url=/never">'),
    "/meta/loop": page("four", head='<meta http-equiv="refresh" content="0">'),
}

MOVED["/robots.txt"] = Answer(body=b"User-agent: *\nDisallow: /steps/7\n", kind="text/plain")

UMLAUT = "/encodings/ä?ö=ü"
DECLARED = '<meta charset="cp1252">'
ENCODED = {
    "latin": page("é", [UMLAUT], kind="text/html; charset=ISO-8859-1", encoding="latin-1"),
    "meta": page("é€", [UMLAUT], DECLARED, encoding="cp1252"),
    "wrong": page("é", [UMLAUT], kind="text/html; charset=utf-8", encoding="latin-1"),
    "both": page("é", [UMLAUT], DECLARED, kind="text/html; charset=utf-8"),
    "sniffed": page("é" * 30, [UMLAUT], encoding="utf-8"),
    "marked": page("é", [UMLAUT], encoding="utf-16"),
    "nonsense": page("é", [UMLAUT], kind="text/html; charset=no-such", encoding="latin-1"),
    "russian": page("Привет", ["/encodings/Я"], kind="text/html; charset=koi8-r", encoding="koi8-r"),
    "binary": Answer(body=b"\x89PNG\x00\x01", kind="image/png"),
    "untyped": Answer(body=b"{}", kind="application/json"),
}

LINKS = (
    "a",
    "./b",
    "../c",
    "../../../d",
    "/e//f",
    "?g=1&a=2&g=0",
    "#h",
    " /i j ",
    "/k\tl",
    "//127.0.0.1:1/m",
    "/%7en%2F%c3%A9",
)
LINKS += (
    "javascript:void(0)",
    "mailto:a@b.example",
    "http://[::1",
    "http://bücher.example/ß",
    "http://xn--bcher-kva.example/",
)
LINKS += ("http://BÜCHER.example./x", "data:text/html,<h1>data</h1>", "", "/o;p=1", "http:q", "\\\\r\\s", "/%zz")
BASES = {
    "/bases": page("bases", ["/bases/none/", *(f"/bases/{number}/x" for number in range(5))]),
    "/bases/none/": page("none", LINKS),
    "/bases/0/x": page("0", LINKS, '<base href="/deep/er/">'),
    "/bases/1/x": page("1", LINKS, '<base href="../up">'),
    "/bases/2/x": page("2", LINKS, '<base href="http://bücher.example/b/">'),
    "/bases/3/x": page("3", LINKS, '<base href="http://[bad/">'),
    "/bases/4/x": page("4", LINKS, "<base target=x>"),
}

TEXT = b"<h1>packed</h1><a href='/packed/plain'>x</a>"


def packed(encoding: str, body: bytes = TEXT) -> Answer:
    return Answer(headers=(("Content-Encoding", encoding),), body=body)


PACKED = {
    "gzip": packed("gzip", gzip.compress(TEXT)),
    "x-gzip": packed("x-gzip", gzip.compress(TEXT)),
    "deflate": packed("deflate", zlib.compress(TEXT)),
    "br": packed("br", brotli.compress(TEXT)),
    "twice": packed("gzip, br", brotli.compress(gzip.compress(TEXT))),
    "half": packed("gzip", gzip.compress(TEXT * 50)[:60]),
    "false": packed("gzip"),
    "unknown": packed("zip"),
    "bomb": packed("gzip", gzip.compress(b"0" * 400_000)),
    "plain": packed("identity"),
}


def cookies(arrival: Arrival) -> Answer:
    """Set a cookie for each path, and say which have come."""
    path = urlsplit(arrival.path).path
    number = len(path)
    sent = "; ".join(sorted(arrival.headers.get("cookie", "none").split("; ")))
    answer = page(sent, [f"{path}/x"] if number < 20 else [], kind="text/html")
    answer.headers = (("Set-Cookie", f"c{number}={number}; Path={path}"), ("Set-Cookie", "all=1; Path=/"))
    if number == 12:
        answer.status, answer.headers = 302, (*answer.headers, ("Location", "/cookies/there"))
    return answer


def guarded(arrival: Arrival) -> Answer:
    told = arrival.headers.get("authorization", "")
    if told == "Basic " + base64.b64encode(b"me:s3cret").decode():
        return page("in", ["/guarded/more"])
    return Answer(401, headers=(("WWW-Authenticate", 'Basic realm="x"'),), body=told.encode())


def steps(arrival: Arrival) -> Answer:
    """Link to a dozen pages from each."""
    return page(arrival.path, [f"/steps/{number}" for number in range(12)])


def shown(folder: "Mapping[str, Answer]", arrival: Arrival) -> Answer:
    """Answer by name, and without one with links to all."""
    _, place, name = urlsplit(arrival.path).path.split("/", 2)
    return folder.get(name) or page(name, [f"/{place}/{one}" for one in folder] if not name else [])


FOLDERS: "Mapping[str, Callable[[Arrival], Answer]]" = {
    "encodings": lambda arrival: shown(ENCODED, arrival),
    "packed": lambda arrival: shown(PACKED, arrival),
    "cookies": cookies,
    "guarded": guarded,
    "steps": steps,
}


def site(arrival: Arrival) -> Answer:
    """Answer by folder; a proxy is asked for whole URLs."""
    if arrival.path.startswith("http://"):
        told = arrival.headers.get("proxy-authorization", "nobody")
        return page(f"by proxy, {told}", ["/proxied/more", "http://other.example/"])
    path = urlsplit(arrival.path).path
    known = MOVED.get(path) or BASES.get(path)
    return known or FOLDERS.get(path.split("/")[1], lambda _: page(path))(arrival)
