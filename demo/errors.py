"""How the demo fails: with the reason, and the next command to look."""


class DemoError(Exception):
    """Something is not as it must be."""

    def __init__(self, reason: str, look: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.look = look
        """A command that shows more; empty where the reason says all."""
