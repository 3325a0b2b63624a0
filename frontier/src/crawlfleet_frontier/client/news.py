"""Which hosts woke up or ran empty, and who has to hear of it still?

A wake-up goes from the frontier's outbox to the pace store (`want`) and is then struck out of the outbox (`woken`).
Told twice it changes nothing; not told at all it comes again with the next lease. Pure.
"""

from dataclasses import dataclass, field
from math import inf

from crawlfleet_frontier.pace.calls import MOST_HOSTS, HostSerial

Entries = list[HostSerial]


@dataclass(slots=True)
class News:
    """What one worker has to pass on."""

    since: float = inf
    """Since when something waits for the pace store."""
    _wants: dict[str, int] = field(default_factory=dict)
    _idles: dict[str, int] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)
    """Wants on their way, and those that the outbox still shows."""
    _strikes: dict[str, int] = field(default_factory=dict)

    def woke(self, host: str, serial: int, now: float) -> bool:
        """Take in that the frontier has work for the host; return whether that is news."""
        if self._told.get(host) == serial:
            return False
        self._told[host] = self._wants[host] = serial
        self.since = min(self.since, now)
        return True

    def emptied(self, host: str, serial: int, now: float) -> None:
        """Take in that the frontier had nothing left for the host."""
        self._idles[host] = serial
        self.since = min(self.since, now)

    def next_words(self) -> tuple[Entries, Entries]:
        """Take out the wants and idles for one exchange."""
        wants, idles = _take(self._wants), _take(self._idles)
        if not (self._wants or self._idles):
            self.since = inf
        return wants, idles

    def passed(self, wants: Entries) -> None:
        """Take in that the pace store knows these wants: they can be struck out of the frontier's outbox."""
        self._strikes.update(wants)

    def strikes_wait(self) -> bool:
        """Whether there is something to strike out."""
        return bool(self._strikes)

    def next_strikes(self) -> Entries:
        """Take out what to strike out next."""
        return _take(self._strikes)

    def struck(self, strikes: Entries) -> None:
        """They are out of the outbox, and will come with another serial if at all."""
        for host, serial in strikes:
            if self._told.get(host) == serial:
                del self._told[host]


def _take(entries: dict[str, int]) -> Entries:
    taken = [HostSerial(host, serial) for host, serial in list(entries.items())[:MOST_HOSTS]]
    for host, _ in taken:
        del entries[host]
    return taken
