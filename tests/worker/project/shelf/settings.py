"""The project that the worker's tests run: what a user's project may look like, with traps."""

BOT_NAME = "shelf"
SPIDER_MODULES = ["shelf.spiders"]
ROBOTSTXT_OBEY = False
RETRY_TIMES = 2
DOWNLOAD_TIMEOUT = 20
# Traps: none of these may take effect.
SCHEDULER_PERSIST = False
SCHEDULER_FLUSH_ON_START = True
TELNETCONSOLE_ENABLED = True
