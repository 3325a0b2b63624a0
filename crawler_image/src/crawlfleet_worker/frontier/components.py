"""Where do our middlewares stand, if the project has moved or removed Scrapy's own?"""

from typing import Final

from scrapy.settings import BaseSettings
from scrapy.utils.misc import load_object

IN_PLACE_OF: Final = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": (
        "crawlfleet_worker.frontier.robots.FleetRobotsMiddleware"
    ),
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": (
        "crawlfleet_worker.frontier.cookies.TravellingCookiesMiddleware"
    ),
}


def middlewares(settings: BaseSettings) -> dict[str | type, int | None]:
    """Return DOWNLOADER_MIDDLEWARES with ours in the place of Scrapy's; what the project took out stays out."""
    base, own = settings.getdict("DOWNLOADER_MIDDLEWARES_BASE"), settings.getdict("DOWNLOADER_MIDDLEWARES")
    names = {_class(key): key for key in own}
    found: dict[str | type, int | None] = dict(own)
    for stock, ours in IN_PLACE_OF.items():
        key = names.get(_class(stock), stock)
        found[ours] = own.get(key, base.get(stock))
        found[key] = None
    return found


def _class(key: str | type) -> object:
    return load_object(key) if isinstance(key, str) else key
