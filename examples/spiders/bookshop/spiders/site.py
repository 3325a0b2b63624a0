"""A CrawlSpider without start URLs: the CrawlJob gives them with `seeds: {type: Inline}` or `{type: RedisKey}`."""

from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule


class SiteSpider(CrawlSpider):
    """Every page below the seeds' host: its title and its headings."""

    name = "site"
    rules = (Rule(LinkExtractor(), callback="parse_page", follow=True),)

    def __init__(self, host="", **kwargs):
        super().__init__(**kwargs)
        self.allowed_domains = [host] if host else []

    def parse_start_url(self, response, **kwargs):
        return self.parse_page(response)

    def parse_page(self, response):
        yield {
            "url": response.url,
            "title": response.css("title::text").get(),
            "headings": response.css("h1::text, h2::text").getall(),
        }
