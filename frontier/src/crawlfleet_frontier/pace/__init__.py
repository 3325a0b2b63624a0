"""When may which host be asked again, and by whom? The pace store: its keys, its calls, its replies.

It knows nothing of requests and nothing of the frontier store: hosts, slots and times only.
"""

from crawlfleet_frontier.pace.keys import PaceKeys

__all__ = ["PaceKeys"]
