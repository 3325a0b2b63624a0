"""What does the store believe that this worker holds, and under which number of its calls?

It goes with every beat: where the store knows the same last call and other leases, a reply or a write was lost, and the
two have to reconcile.
"""

from dataclasses import dataclass, field

from crawlfleet_frontier.client.leases import Lease


@dataclass(frozen=True, slots=True)
class View:
    """These tokens are held after the call `number`."""

    number: int = 0
    tokens: tuple[str, ...] = ()


@dataclass(slots=True)
class Held:
    """The leases that the store counts as this worker's. `view` may be read from another thread."""

    leases: dict[str, Lease] = field(default_factory=dict)
    view: View = View()

    def add(self, lease: Lease) -> None:
        """Count a lease that the store gave."""
        self.leases[lease.token] = lease

    def remove(self, token: str) -> Lease | None:
        """Count a lease no more: settled, stale or unknown."""
        return self.leases.pop(token, None)

    def confirm(self, number: int) -> None:
        """All that the call `number` changed is taken in."""
        self.view = View(number, tuple(self.leases))
