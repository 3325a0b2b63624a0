"""How does the bundled cluster say that it cannot go on?"""

from __future__ import annotations

import subprocess


class ClusterError(Exception):
    """Something a person can mend; the text names what is wrong and, where there is one, the way out."""


class CommandError(subprocess.CalledProcessError):
    """A program that ended with an error; unlike its base class it shows what the program said."""

    def __str__(self) -> str:
        said = (self.stderr or self.output or "").strip()
        return f"{super().__str__()}\n{said[-4000:]}"
