"""Where does the bundled cluster keep its things?"""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
# A second node on one machine (the cluster's own tests start one) has another state directory and another name.
STATE = Path(os.environ.get("CRAWLFLEET_STATE") or REPOSITORY / ".cluster").resolve()
BIN = STATE / "bin"
KUBECONFIG = STATE / "kubeconfig"
GO_MODULES = REPOSITORY / "cluster" / "go"


def cache() -> Path:
    """Return the directory shared by all checkouts of this user: built programs, image archives, build layers."""
    explicit = os.environ.get("CRAWLFLEET_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "crawlfleet"
