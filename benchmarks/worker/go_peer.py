"""Where is the program of the peer that is written in Go? Built on demand, once for all checkouts of a user."""

from functools import cache
from pathlib import Path
from typing import Final

from cluster import binaries
from cluster.errors import ClusterError
from cluster.programs import Module

COLLY: Final = Module("colly", {"colly": "."}, home=Path(__file__).parent)


@cache
def program() -> Path:
    """Return it. Raises ClusterError where there is no Go and none can be fetched, or the build fails."""
    return binaries.ensure(COLLY) / "colly"


def missing() -> str:
    """Return in a line why there is no such program; empty where there is one."""
    try:
        program()
    except ClusterError as error:
        return f"colly is left out: {str(error).splitlines()[0]}"
    return ""
