"""Our middlewares stand where the project wants Scrapy's own."""

import pytest
from scrapy.downloadermiddlewares.cookies import CookiesMiddleware
from scrapy.settings import Settings

from crawlfleet_worker.frontier.components import middlewares

COOKIES = "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
OURS = "crawlfleet_worker.frontier.cookies.TravellingCookiesMiddleware"
OTHER = {"json.JSONDecoder": 5}
ROBOTS = "crawlfleet_worker.frontier.robots.FleetRobotsMiddleware"


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ({}, 700),
        ({COOKIES: None}, None),
        ({COOKIES: 650}, 650),
        ({CookiesMiddleware: 640}, 640),
        ({"json.JSONDecoder": 5}, 700),
    ],
)
def test_in_the_place_of_scrapys(own, place):
    found = middlewares(Settings({"DOWNLOADER_MIDDLEWARES": own}))
    assert found[OURS] == place
    assert found.get(COOKIES, found.get(CookiesMiddleware)) is None
    assert found[ROBOTS] == 100
    assert own != OTHER or found["json.JSONDecoder"] == 5
