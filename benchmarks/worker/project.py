"""The settings module of the benchmark's Scrapy project: the same for every side, but for what makes it that side."""

BOT_NAME = "bench"
SPIDER_MODULES = ["benchmarks.worker.spiders"]
EXTENSIONS = {"benchmarks.worker.metering.Metering": 0}
CONCURRENT_REQUESTS = 64
CONCURRENT_REQUESTS_PER_DOMAIN = 64
DOWNLOAD_DELAY = 0
ROBOTSTXT_OBEY = False
LOG_LEVEL = "INFO"
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
