"""Which download handler does the project want for this scheme? Built, asked and closed as Scrapy itself does."""

import inspect
from typing import Any

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured, NotSupported
from scrapy.http import Response
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.misc import build_from_crawler, load_object
from twisted.internet.defer import Deferred

from crawlfleet_worker.frontier.sending import prepare


class Delegate:
    """The project's handler of one scheme; built with the first request where it is lazy."""

    def __init__(self, crawler: Crawler, scheme: str, handler: str | type[Any]) -> None:
        self._crawler, self._scheme = crawler, scheme
        self.kind: type[Any] = load_object(handler)
        """The handler's class."""
        self.handler: Any = None
        """The handler, once it is built."""
        self._why_not = ""
        self._new_style = True
        self.gated = False
        """Whether its requests pass the gate (`sending`) once their connection stands."""
        if not getattr(self.kind, "lazy", True):
            self._build()

    def ready(self) -> None:
        """Build the handler, if that was not done yet. NotSupported where it is not configured."""
        if self.handler is None:
            self._build_late()

    async def download(self, request: Request) -> Response:
        """Let the handler, which is ready, download."""
        if self._new_style:
            response: Response = await self.handler.download_request(request)
            return response
        old = self.handler.download_request(request, self._crawler.spider)
        return await _awaited(old)  # type: ignore[no-any-return]

    def replace(self, handler: Any) -> None:  # noqa: ANN401 - any download handler
        """Let another handler, which closes this one, download from now on."""
        self.handler = handler
        self.gated = prepare(handler)
        self._new_style = inspect.iscoroutinefunction(handler.download_request)

    async def close(self) -> None:
        """Close the handler, if it was built and can be closed."""
        if hasattr(self.handler, "close"):
            await _awaited(self.handler.close())

    def _build(self) -> None:
        self.replace(build_from_crawler(self.kind, self._crawler))

    def _build_late(self) -> None:
        if not self._why_not:
            try:
                return self._build()
            except NotConfigured as error:
                self._why_not = str(error) or "not configured"
        raise NotSupported(f"Unsupported URL scheme '{self._scheme}': {self._why_not}")


async def _awaited(result: Any) -> Any:  # noqa: ANN401 - whatever an old handler returns
    if isinstance(result, Deferred):
        return await maybe_deferred_to_future(result)
    return await result if inspect.isawaitable(result) else result
