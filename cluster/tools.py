"""`python3 -m cluster tools`: which programs does a caller want, without a cluster?"""

from __future__ import annotations

from cluster import binaries
from cluster.errors import ClusterError
from cluster.programs import GROUPS, Module


def ensure(*groups: str) -> None:
    """Build (or find in the cache) the programs of these groups and link them into `.cluster/bin`."""
    for module in _modules(groups or tuple(GROUPS)):
        binaries.link(module)


def _modules(groups: tuple[str, ...]) -> list[Module]:
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        raise ClusterError(f"tools: no group named {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    return list({module.name: module for group in groups for module in GROUPS[group]}.values())
