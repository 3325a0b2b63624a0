"""What runs in a worker pod: an ordinary Scrapy spider, fed from and reporting to the crawl that it shares with others.

`crawlfleet-worker` is the entry point (`__main__`). What operator and worker promise each other:
docs/contract.md.
"""
