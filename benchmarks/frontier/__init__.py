"""What the frontier costs Redis, beside scrapy-redis on the same server: `python -m benchmarks.frontier`."""
