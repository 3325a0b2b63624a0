"""The client of the frontier for any Python process on asyncio; `FrontierClient` is where to begin."""

from crawlfleet_frontier.client.asks import HostBlockedError
from crawlfleet_frontier.client.clock import now
from crawlfleet_frontier.client.leases import Lease, Slot
from crawlfleet_frontier.client.settings import Settings
from crawlfleet_frontier.client.worker import FrontierClient

__all__ = ["FrontierClient", "HostBlockedError", "Lease", "Settings", "Slot", "now"]
