"""Which cookies go with a request, whichever worker sends it? Scrapy's cookies middleware, whose jars travel.

What an answer (or `Request.cookies`) changed in a jar is in the store before the callback runs, so a page's children
are pushed with a version that contains it; a worker whose jar is older loads it before it sends. Between two workers
that change one cookie at the same time the last write wins, cookie by cookie. A worker that dies before the write was
confirmed has not settled the page: it is fetched again, by another worker, and sets its cookie again. One that dies
after it leaves the cookie behind, as the server has it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.http import Response
from scrapy.http.cookies import CookieJar, potential_domain_matches
from scrapy.utils.httpobj import urlparse_cached

from crawlfleet_worker.frontier.jar_versions import JarVersions, jar_of
from crawlfleet_worker.frontier.jars import field_of, from_json, to_json
from crawlfleet_worker.frontier.ports import JarStore, wiring_of

Cookies = dict[str, str]


@dataclass(slots=True)
class _Local:
    """The worker's copy of one jar's part."""

    version: int = 0
    """Everything up to this version is in the copy."""
    unconfirmed: dict[str, str | None] = field(default_factory=dict)
    """Changes on their way to the store: field → cookie, None where it was taken away."""
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)


class TravellingCookiesMiddleware(CookiesMiddleware):
    """Downloader middleware; stands where Scrapy's CookiesMiddleware stood."""

    _store: JarStore
    _versions: JarVersions

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._locals: defaultdict[str, _Local] = defaultdict(_Local)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "TravellingCookiesMiddleware":
        """Build the middleware from the crawler's settings and wiring. NotConfigured where COOKIES_ENABLED is off."""
        middleware = super().from_crawler(crawler)
        wiring = wiring_of(crawler)
        middleware._store, middleware._versions = wiring.jars, wiring.jar_versions
        return middleware

    def process_request(self, request: Request) -> Awaitable[None] | None:  # type: ignore[override]
        """Set the Cookie header, from a jar that is as new as the request needs it; nothing to wait for without one."""
        return None if self._no_cookie_goes_with(request) else self._set_header(request)

    def process_response(self, request: Request, response: Response) -> Any:  # type: ignore[override]  # noqa: ANN401
        """Put the answer's cookies into the jar, and into the store before anybody sees the answer."""
        headers = response.headers
        if b"Set-Cookie" not in headers and b"Set-Cookie2" not in headers:
            return response
        return self._keep(request, response)

    def _no_cookie_goes_with(self, request: Request) -> bool:
        """Whether neither the request nor its jar has any, here or elsewhere."""
        if request.cookies or self._versions.needed(request) or b"Cookie" in request.headers:
            return False
        jar = self.jars.get(request.meta.get("cookiejar"))
        return jar is None or not jar._cookies

    async def _set_header(self, request: Request) -> None:
        name = self._name(request)
        if name is not None:
            await self._refresh(name, request)
        inherited = super().process_request
        await self._tracking(name if request.cookies else None, request, lambda: inherited(request))

    async def _keep(self, request: Request, response: Response) -> Request | Response:
        name = self._name(request) if b"Set-Cookie" in response.headers else None
        inherited = super().process_response
        await self._tracking(name, request, lambda: inherited(request, response))
        return response

    def _name(self, request: Request) -> str | None:
        return None if request.meta.get("dont_merge_cookies", False) else jar_of(request)

    async def _tracking(self, name: str | None, request: Request, change: Callable[[], Any]) -> None:
        """Let Scrapy change the jar; save what became different, where the jar travels."""
        if name is None:
            change()
            return
        before = self._visible(request)
        change()
        after = self._visible(request)
        changed = {one: cookie for one, cookie in after.items() if before.get(one) != cookie}
        removed = [one for one in before if one not in after]
        if changed or removed:
            await self._save(name, changed, removed)

    async def _save(self, name: str, changed: Cookies, removed: list[str]) -> None:
        local = self._locals[name]
        changes: dict[str, str | None] = {**changed, **dict.fromkeys(removed)}
        local.unconfirmed.update(changes)
        version = await self._store.save(name, changed, removed)
        for one, cookie in changes.items():
            if local.unconfirmed.get(one, "") is cookie:
                del local.unconfirmed[one]
        if version == local.version + 1:
            local.version = version
        self._versions.saw(name, version)

    async def _refresh(self, name: str, request: Request) -> None:
        local, needed = self._locals[name], self._versions.needed(request)
        if needed <= local.version:
            return
        async with local.loading:
            if needed > local.version:
                jar = await self._store.load(name)
                self._replace(request, {**jar.cookies, **local.unconfirmed})
                local.version = max(jar.version, needed)  # a store that lost its newest part is not asked for ever
                self._versions.saw(name, jar.version)

    def _replace(self, request: Request, cookies: "dict[str, str | None]") -> None:
        """Put these cookies in the place of all that the request's site has in its jar."""
        jar = self._jar(request)
        for one in [*self._visible(request), *cookies]:
            _remove(jar, one)
        for text in cookies.values():
            if text is not None:
                cookie = from_json(text)
                if not cookie.is_expired():
                    jar.set_cookie(cookie)

    def _jar(self, request: Request) -> CookieJar:
        return self.jars[request.meta.get("cookiejar")]

    def _visible(self, request: Request) -> Cookies:
        """Return the cookies of the domains that this request can see or set."""
        domains = self._jar(request)._cookies
        host = (urlparse_cached(request).hostname or "").lower()
        names = [*potential_domain_matches(host), *potential_domain_matches(f"{host}.local")]
        return {
            field_of(domain, path, name): to_json(cookie)
            for domain in dict.fromkeys(names)
            for path, by_name in domains.get(domain, {}).items()
            for name, cookie in by_name.items()
        }


def _remove(jar: CookieJar, one: str) -> None:
    domain, path, name = one.split("\t", 2)
    jar._cookies.get(domain, {}).get(path, {}).pop(name, None)
