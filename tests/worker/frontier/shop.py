"""A site with a login, forms, a sitemap, errors and redirects, for spiders that run with and without us."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.own_thread import serving, web_server

PAGES = 30


@dataclass
class Shop:
    """What it was asked, and where it is."""

    url: str = ""
    robots: str | None = ""
    """Its robots.txt; None is an error of the server."""
    hits: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    """When each request arrived."""
    tries: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.times.append(time.monotonic())
        self.hits[request.path_qs] += 1
        kind, _, rest = request.path.lstrip("/").partition("/")
        return await getattr(self, f"_{kind.replace('.', '_')}", self._missing)(request, rest)

    async def _missing(self, _request: web.Request, _rest: str) -> web.Response:
        return web.Response(status=404, text="nothing here")

    async def _robots_txt(self, _request: web.Request, _rest: str) -> web.Response:
        return web.Response(status=500) if self.robots is None else web.Response(text=self.robots)

    async def _echo(self, request: web.Request, rest: str) -> web.Response:
        body = (await request.read()).decode()
        kind = request.headers.get("Content-Type", "")
        return web.json_response({"at": rest, "method": request.method, "body": body, "type": kind})

    async def _page(self, _request: web.Request, rest: str) -> web.Response:
        n = int(rest)
        links = [target for target in (3 * n + 1, 3 * n + 2, 3 * n + 3, 0) if target < PAGES]
        anchors = "".join(f'<a href="/page/{target}">{target}</a>' for target in links)
        return _html(f'<h1>{n}</h1>{anchors}<a href="/skip/{n}">skip</a>')

    async def _flaky(self, _request: web.Request, rest: str) -> web.Response:
        self.tries[rest] += 1
        return _html("<h1>at last</h1>") if self.tries[rest] > 2 else web.Response(status=500)

    async def _status(self, _request: web.Request, rest: str) -> web.Response:
        return web.Response(status=int(rest))

    async def _redirect(self, _request: web.Request, rest: str) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/{rest}"})

    async def _sitemap_xml(self, _request: web.Request, _rest: str) -> web.Response:
        urls = "".join(f"<url><loc>{self.url}/page/{n}</loc></url>" for n in range(5))
        urls += f"<url><loc>{self.url}/echo/other</loc></url>"
        text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
        return web.Response(text=text, content_type="application/xml")

    async def _login(self, request: web.Request, _rest: str) -> web.Response:
        if request.method != "POST":
            field_ = '<input type="hidden" name="token" value="t1"><input name="user"><input name="password">'
            return _html(f'<form method="post" action="/login">{field_}</form>')
        fields = dict(await request.post())
        if fields != {"token": "t1", "user": "ada", "password": "x"}:
            return web.Response(status=403, text=json.dumps(list(fields)))
        response = web.Response(status=302, headers={"Location": "/private/0"})
        response.set_cookie("session", "s3cret")
        return response

    async def _private(self, request: web.Request, rest: str) -> web.Response:
        if request.cookies.get("session") != "s3cret":
            return _html("<h1>locked</h1>")
        n = int(rest)
        links = "".join(f'<a href="/private/{target}">x</a>' for target in range(n + 1, min(n + 4, 20)))
        return _html(f"<h1>private {n}</h1>{links}")


def _html(text: str) -> web.Response:
    return web.Response(text=f"<html><body>{text}</body></html>", content_type="text/html")


@contextmanager
def running_shop(robots: str | None = "") -> Iterator[Shop]:
    """Run a Shop in a thread of its own."""
    shop = Shop(robots=robots)
    with serving(web_server(shop.answer)) as port:
        shop.url = f"http://127.0.0.1:{port}"
        yield shop
