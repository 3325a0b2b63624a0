"""What operator and worker share of a crawl's state in Redis: the keys, the scripts, the shapes of their replies.

It knows neither Scrapy nor Kubernetes. Everything here is bytes in, values out; who talks to Redis, and whether
blocking or async, is the caller's business (`commands` builds the calls, `snapshot` reads the answer).
"""

from crawlfleet_frontier.keys import JobKeys
from crawlfleet_frontier.snapshot import Snapshot, WorkerBeat

__all__ = ["JobKeys", "Snapshot", "WorkerBeat"]
