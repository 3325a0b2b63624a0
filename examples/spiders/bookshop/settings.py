"""Scrapy settings of the project; `spec.spider.settings` of a CrawlJob stand above them."""

BOT_NAME = "bookshop"
SPIDER_MODULES = ["bookshop.spiders"]
ROBOTSTXT_OBEY = True
DOWNLOAD_DELAY = 0.25
CONCURRENT_REQUESTS_PER_DOMAIN = 4
