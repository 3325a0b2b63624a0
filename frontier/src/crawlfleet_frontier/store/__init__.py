"""The frontier store: which requests are admitted, and in which state each is (`docs/frontier.md`)."""

from crawlfleet_frontier.store.keys import LAYOUT, StoreKeys

__all__ = ["LAYOUT", "StoreKeys"]
