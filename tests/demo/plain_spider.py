"""A spider of Scrapy's own classes only: `plain_spider.py SEED ALLOW`, through the proxy of http_proxy."""

import sys

from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule


class PlainSpider(CrawlSpider):
    name = "plain"
    rules = (Rule(LinkExtractor(allow=sys.argv[2]), callback="parse_page", follow=True),)

    def parse_page(self, response):
        yield {"url": response.url}


if __name__ == "__main__":
    seed = sys.argv[1]
    process = CrawlerProcess(
        {
            "TELNETCONSOLE_ENABLED": False,
            "LOG_LEVEL": "WARNING",
            "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
            "DOWNLOAD_DELAY": 0,
        }
    )
    process.crawl(PlainSpider, start_urls=[seed], allowed_domains=[seed.split("/")[2]])
    process.start()
