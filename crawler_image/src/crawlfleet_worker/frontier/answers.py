"""What does an answer say about the pace of its host?"""

import time
from email.utils import parsedate_to_datetime
from typing import Final

from scrapy.http import Response

from crawlfleet_worker.frontier.ports import Outcome

SLOW_DOWN: Final = frozenset({429, 503})
LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds; a server that names more is believed for a day."""

NONE: Final = Outcome("none")
SUCCESS: Final = Outcome("success")


def outcome_of(response: Response | None) -> Outcome:
    """Return what to tell the pacer; None stands for a request without an answer."""
    if response is None:
        return NONE
    if response.status in SLOW_DOWN:
        return Outcome("slow_down", _retry_after(response))
    return SUCCESS if response.status < 500 else NONE


def _retry_after(response: Response) -> float:
    """Seconds: a number, or a date from the server's own clock (its Date header; ours where it sends none)."""
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_RETRY_AFTER)
    until = _date(value)
    if until is None:
        return 0.0
    now = _date((response.headers.get("Date") or b"").decode("latin-1"))
    return min(max(0.0, until - (time.time() if now is None else now)), LONGEST_RETRY_AFTER)


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
