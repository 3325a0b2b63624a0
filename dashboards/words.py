"""Sentences that more than one panel says."""

from typing import Final

PAGES: Final = "retries and redirects counted"

ERROR_SHARE: Final = "Errors in proportion to attempts: responses, and requests that brought none."

ERROR_KINDS: Final = (
    "http_4xx and http_5xx are answers; timeout, dns, connection, tls and download brought none; "
    "spider and pipeline were raised by the crawler's own code."
)

FRONTIER_AGE: Final = "Growing means that Redis does not answer, and that the other numbers are as old as that."
