"""Our handler is held against Scrapy 2.19's; other versions have another one."""

from scrapy import version_info

from crawlfleet_worker.fast.switches import VERSIONS

collect_ignore_glob = [] if version_info[:2] in VERSIONS else ["test_*.py"]
