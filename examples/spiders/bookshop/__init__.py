"""A Scrapy project as any other: nothing in it knows of Crawlfleet."""
