"""When may a finished job be deleted?"""

from crawlfleet.job import Job, parse_time


def seconds_left(job: Job, now: float) -> float | None:
    """Return the seconds until deletion (0 or less: now); None where the job stays."""
    ttl = job.ttl_seconds
    completion = job.status.get("completionTime")
    if ttl is None or not completion or not job.finished:
        return None
    return parse_time(completion) + ttl - now
