"""What does the site consist of? Pages, redirects and errors, drawn from a seed. Pure.

Every path says what its server answers; what a crawl should reach is worked out from that alone (`reachable`).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ROOT: Final = "/p/0"
RETRY_TIMES: Final = 3
"""How often a worker asks again after a 5xx (Scrapy's RETRY_TIMES, set for all crawls)."""

REDIRECT_SHARE: Final = 0.06
FLAKY_SHARE: Final = 0.04
"""Of the pages: 500 once or twice, then the page."""
SLOW_DOWN_SHARE: Final = 0.03
"""Of those that fail once: 503, which makes the fleet leave the host alone for a second and more."""
BROKEN_SHARE: Final = 0.01
"""Of the pages: 502 for ever. They have no links."""
ISLAND: Final = 40
"""Pages that nothing reachable links to."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one path answers."""

    links: tuple[str, ...] = ()
    """Absolute URLs without scheme and port: `127.0.0.2/p/7`."""
    location: str = ""
    """Where it redirects to; empty for a page."""
    failures: int = 0
    """So many answers are errors first; -1: all."""
    error: int = 500
    """The status of these; 503 asks the fleet to slow down."""
    seconds: float = 0.0
    """How long the answer takes."""


Graph = Mapping[str, Node]
"""By host and path: `127.0.0.2/p/7`."""


def draw(seed: int, pages: int, hosts: int) -> Graph:
    """Return a site of so many pages (redirects and the island not counted) on hosts 127.0.0.1, 127.0.0.2, …"""
    rng = random.Random(f"site {seed}")
    names = [f"127.0.0.{1 + n % hosts}/p/{n}" for n in range(pages)]
    links: list[list[str]] = [[] for _ in range(pages)]
    nodes: dict[str, Node] = {}
    leaves = _leaves(rng, pages)
    for n in range(1, pages):
        parent = _parent(rng, n, leaves)
        links[parent].append(_perhaps_redirected(rng, names[n], n, hosts, nodes))
    for n in range(pages):
        # Not to the start: it is asked for without the duplicate filter, and Scrapy fetches it again for a link.
        links[n] += [names[rng.randrange(1, pages)] for _ in range(rng.randrange(4))]
        nodes[names[n]] = _page(rng, links[n], n, leaves)
    return nodes | _island(rng, hosts, names)


def reachable(graph: Graph, start: str) -> frozenset[str]:
    """Return every path that a crawl from `start` has to ask for, `start` included."""
    found, waiting = {start}, [start]
    while waiting:
        node = graph[waiting.pop()]
        targets = [node.location] if node.location else [] if node.failures < 0 else node.links
        fresh = set(targets) - found
        found |= fresh
        waiting += fresh
    return frozenset(found)


def start_of(graph: Graph) -> str:
    """Return where the crawl begins."""
    return next(name for name in graph if name.endswith(ROOT))


def _leaves(rng: random.Random, pages: int) -> Mapping[int, int]:
    """Return the pages that nothing hangs on, as they never answer with a page: number → failures."""
    return {n: -1 for n in range(20, pages) if rng.random() < BROKEN_SHARE}


def _parent(rng: random.Random, n: int, leaves: Mapping[int, int]) -> int:
    """Return an earlier page, of the latest two thirds as a rule."""
    while True:
        parent = rng.randrange(n // 3 if rng.random() < 0.8 else 0, n)
        if parent not in leaves:
            return parent


def _perhaps_redirected(rng: random.Random, target: str, n: int, hosts: int, nodes: dict[str, Node]) -> str:
    """Return the target, or a redirect to it (of one or two steps) that is added to the nodes."""
    steps = rng.choice((1, 1, 2)) if rng.random() < REDIRECT_SHARE else 0
    for step in range(steps):
        name = f"127.0.0.{1 + rng.randrange(hosts)}/r/{step}/{n}"
        nodes[name] = Node(location=target)
        target = name
    return target


def _page(rng: random.Random, links: list[str], n: int, leaves: Mapping[int, int]) -> Node:
    rng.shuffle(links)
    flaky = rng.choice((1, 2)) if n and rng.random() < FLAKY_SHARE else 0
    failures = leaves.get(n, flaky)
    error = 502 if failures < 0 else 503 if failures == 1 and rng.random() < SLOW_DOWN_SHARE else 500
    seconds = rng.choice((0.0, 0.0, 0.005, 0.02, 0.1))
    return Node(() if n in leaves else tuple(links), failures=failures, error=error, seconds=seconds)


def _island(rng: random.Random, hosts: int, names: list[str]) -> dict[str, Node]:
    """Return pages that link to each other and to the rest, and that no crawl should ask for."""
    own = [f"127.0.0.{1 + n % hosts}/island/{n}" for n in range(ISLAND)]
    return {name: Node(links=(rng.choice(own), rng.choice(names))) for name in own}
