"""What a page costs one worker: ours, stock scrapy-redis, vanilla Scrapy, and the bare loop below all three."""
