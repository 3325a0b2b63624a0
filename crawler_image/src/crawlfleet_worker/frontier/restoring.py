"""How does a leased request become Scrapy's again, where the client has opened its envelope already?"""

from scrapy import Request, Spider

from crawlfleet_frontier.envelope import FrontierRequest
from crawlfleet_frontier.errors import BadInput
from crawlfleet_worker.frontier.carrying import _JAR, CannotRestore, Carried, _build
from crawlfleet_worker.frontier.classes import ClassGone


def restored(found: FrontierRequest, spider: Spider) -> Carried:
    """Return the request. Raises UnknownCallback and CannotRestore as `carrying.restore` does."""
    try:
        request: Request = _build(found, spider)
    except (BadInput, ClassGone, ValueError, TypeError, KeyError) as error:
        raise CannotRestore(f"{found.url[:200]!r}: {error}") from error
    return Carried(request, found.id, int(found.extra.get(_JAR, 0)))
