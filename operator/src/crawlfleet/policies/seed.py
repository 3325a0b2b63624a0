"""Are all seeds in, and how do they get in?

Inline: the operator pushes them with the sentinel, at once. Spider: one worker runs `start()` and says when it
is through. RedisKey: the user pushes; the first URL that shows up counts as seeded.
"""

from crawlfleet.crawl_state import CrawlState, SeedState
from crawlfleet.job import Job


def first_seed_state(job: Job) -> SeedState:
    """Return the state to put into the sentinel."""
    waits = job.seed_type == "Spider" if job.engine == "Frontier" else job.seed_type != "Inline"
    return "unseeded" if waits else "seeded"


def is_seeded(job: Job, snapshot: CrawlState) -> bool:
    """Whether every seed has been admitted, so that an empty queue may mean the end."""
    if job.seed_type == "RedisKey" and snapshot.ledger is not None:
        return snapshot.ledger.admitted + snapshot.start_urls > 0
    if job.seed_type == "RedisKey":
        return snapshot.done + snapshot.queued + snapshot.start_urls + snapshot.in_flight > 0
    return snapshot.seeded


def awaits_urls(job: Job, snapshot: CrawlState | None) -> bool:
    """Whether nothing is to be done before the user pushes the first URL."""
    return job.seed_type == "RedisKey" and snapshot is not None and not is_seeded(job, snapshot)


def needs_seeder(job: Job, snapshot: CrawlState) -> bool:
    """Whether exactly one worker is wanted, to run the spider's `start()`."""
    return job.seed_type == "Spider" and not snapshot.seeded
