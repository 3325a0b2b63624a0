"""Which Redis keys belong to the frontier store of one CrawlJob?

All begin with `crawlfleet:{<uid>:0}:`, so that they lie in one slot of a Redis Cluster; `0` is the partition, of
which there is one. `docs/frontier.md` says what each holds. Scripts take `meta` and make the others themselves; here
are those that clients read or write without a script.
"""

from dataclasses import dataclass
from typing import Final

LAYOUT: Final = "frontier/1"
"""The version of this layout, kept in `meta`. A worker that finds another one does not join."""


@dataclass(frozen=True, slots=True)
class StoreKeys:
    """The keys of the job with this UID."""

    uid: str

    @property
    def prefix(self) -> str:
        """What every key of the store begins with."""
        return f"crawlfleet:{{{self.uid}:0}}:"

    @property
    def meta(self) -> str:
        """HASH, the sentinel: uid, layout, states, clocks, limits, numbers of buckets."""
        return f"{self.prefix}meta"

    @property
    def seeds(self) -> str:
        """LIST of seeds that nobody has admitted yet."""
        return f"{self.prefix}seeds"

    @property
    def items(self) -> str:
        """LIST of scraped items."""
        return f"{self.prefix}items"

    @property
    def dead(self) -> str:
        """STREAM of dead letters: reason, error, host, band, losses, payload."""
        return f"{self.prefix}dead"
