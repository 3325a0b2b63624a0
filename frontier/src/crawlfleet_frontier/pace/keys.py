"""Which Redis keys belong to a pace store?

All carry one hash tag, so that every script stays in one slot. Scripts are given `meta` and derive the others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaceKeys:
    """The keys of the pace store of the CrawlJob with this UID."""

    uid: str

    @property
    def prefix(self) -> str:
        """What every key of the store begins with."""
        return f"crawlfleet:{{{self.uid}:pace}}:"

    @property
    def meta(self) -> str:
        """HASH: the store's id, its clock, the default policy (fields: `scripts/lib/meta.lua`)."""
        return f"{self.prefix}meta"

    @property
    def policy(self) -> str:
        """HASH pattern → its delay, open requests, block."""
        return f"{self.prefix}policy"

    @property
    def robots_policy(self) -> str:
        """STRING, JSON: what robots.txt means by host (Obey, Ignore); written together with the policy."""
        return f"{self.prefix}robots_policy"

    @property
    def ready(self) -> str:
        """ZSET of the hosts that have work and a free slot.

        The score is the moment from which the host may be asked; negative for one that never was, and so has no record.
        """
        return f"{self.prefix}ready"

    @property
    def clock(self) -> str:
        """HASH host → its record (fields: `scripts/lib/record.lua`)."""
        return f"{self.prefix}clock"

    @property
    def resting(self) -> str:
        """ZSET of the hosts of which only the record is kept, by the moment until which."""
        return f"{self.prefix}resting"

    @property
    def deadlines(self) -> str:
        """ZSET of what to look after, by the moment at which slots are free without a report.

        A member is all grants of one call (`<short name>-<call>:<how many>`), or the token of one that was renewed.
        """
        return f"{self.prefix}deadlines"

    @property
    def epochs(self) -> str:
        """ZSET of the epochs by the moment of their last call."""
        return f"{self.prefix}epochs"

    @property
    def robots(self) -> str:
        """HASH origin → what its robots.txt said, until when; or who is fetching it."""
        return f"{self.prefix}robots"

    def epoch(self, epoch: str) -> str:
        """HASH: an epoch's last number, its last replies, the wall clock at its last call."""
        return f"{self.prefix}e:{epoch}"

    def grants(self, short_name: str) -> str:
        """HASH token → grant, of the epoch whose tokens begin with this short name."""
        return f"{self.prefix}g:{short_name}"
