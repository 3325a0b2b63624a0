"""Settings of an ordinary project; the pace and the number of retries come with each crawl."""

BOT_NAME = "maze"
SPIDER_MODULES = ["maze.spiders"]
ROBOTSTXT_OBEY = False
DOWNLOAD_TIMEOUT = 20
LOG_LEVEL = "INFO"
