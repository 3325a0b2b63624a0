"""A worker's CPU time as a flame graph: `python -m benchmarks.worker.flame [--pages 4000] [--to FILE]`.

What stands on a function was called by it, its width is its share of the time (Brendan Gregg's flame graphs,
https://www.brendangregg.com/flamegraphs.html), its colour says whose code it is.
"""

import argparse
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.worker import watched
from benchmarks.worker.sampling import STACKS_FILE
from benchmarks.worker.sides import ROOT

Key = TypeVar("Key")

WIDTH: Final = 1200.0
ROW: Final = 17
NARROWEST: Final = 2.0
"""What is not as wide is left out."""
TOP: Final = 64
LETTER: Final = 6.2
SELF_ROWS: Final = 25

COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "crawlfleet_": ("ours", "#7eb26d"),
    "benchmarks": ("the spider", "#b7dbab"),
    "scrapy": ("Scrapy", "#eab839"),
    "parsel": ("parsing", "#6ed0e0"),
    "cssselect": ("parsing", "#6ed0e0"),
    "aiohttp": ("aiohttp", "#ef843c"),
    "yarl": ("aiohttp", "#ef843c"),
    "asyncio": ("asyncio", "#bfc4cc"),
    "redis": ("redis", "#e24d42"),
}
"""Beginnings of module names: whose they are, and their colour."""
OTHER: Final = ("other", "#d8d9da")


@dataclass
class Node:
    """A function, called from the one that it stands on."""

    name: str
    samples: int = 0
    own: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)


def tree(lines: Sequence[str]) -> Node:
    """Return the tree of stacks `outer;…;inner count`, without what they all begin with."""
    root = Node("all")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        node, samples = root, int(count)
        node.samples += samples
        for name in stack.split(";"):
            node = node.children.setdefault(name, Node(name))
            node.samples += samples
        node.own += samples
    while len(root.children) == 1:
        root = next(iter(root.children.values()))
    return root


def whose(name: str) -> tuple[str, str]:
    """Return whose code a function is, and the colour of that."""
    module = name.partition(":")[0]
    return next((found for beginning, found in COLOURS.items() if module.startswith(beginning)), OTHER)


def drawn(root: Node, title: str) -> str:
    """Return the picture as SVG."""
    boxes = list(_boxes(root, 0.0, 0, WIDTH / root.samples))
    height = TOP + ROW * (1 + max(level for _, _, level in boxes))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height}" font-family="sans-serif">',
        _rectangle(0, 0, WIDTH, height, "white") + _text(8, 24, 16, title),
        *_legend(root),
    ]
    for node, left, level in boxes:
        parts.append(_box(node, left, height - ROW * (level + 1), root.samples))
    return "\n".join([*parts, "</svg>\n"])


def _boxes(node: Node, left: float, level: int, scale: float) -> Iterator[tuple[Node, float, int]]:
    yield node, left, level
    for child in sorted(node.children.values(), key=lambda one: -one.samples):
        if child.samples * scale >= NARROWEST:
            yield from _boxes(child, left, level + 1, scale)
        left += child.samples * scale


def _box(node: Node, left: float, top: float, samples: int) -> str:
    width = WIDTH * node.samples / samples
    share = f"{100 * node.samples / samples:.1f} %"
    letters = int((width - 4) / LETTER)
    name = node.name.rpartition(":")[2]
    label = name if len(name) <= letters else name[: max(0, letters - 1)] + "…" if letters > 3 else ""
    rectangle = _rectangle(left, top, max(0.5, width - 0.5), ROW - 1, whose(node.name)[1])
    return f"<g><title>{html.escape(node.name)}: {share}</title>{rectangle}{_text(left + 3, top + 12, 11, label)}</g>"


def _legend(root: Node) -> Iterator[str]:
    left = 8.0
    for (name, colour), share in sorted(shares(root).items(), key=lambda found: -found[1]):
        text = f"{name} {100 * share:.0f} %"
        yield _rectangle(left, 38, 12, 12, colour) + _text(left + 16, 48, 12, text)
        left += 40 + LETTER * len(text)


def _rectangle(left: float, top: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.0f}" width="{width:.1f}" height="{height:.0f}" fill="{colour}"/>'


def _text(left: float, base: float, size: int, text: str) -> str:
    return f'<text x="{left:.1f}" y="{base:.0f}" font-size="{size}">{html.escape(text)}</text>'


def shares(node: Node) -> dict[tuple[str, str], float]:
    """Return the share of time that each owner's functions had themselves, callees left out."""
    return _own_shares(node, whose)


def longest(node: Node) -> list[tuple[str, float]]:
    """Return the functions with the most time of their own, and their shares."""
    return sorted(_own_shares(node, str).items(), key=lambda part: -part[1])


def _own_shares(root: Node, of: Callable[[str], Key]) -> dict[Key, float]:
    """Return the share of time that functions had themselves, added up by what `of` says of their names."""
    found: dict[Key, float] = {}
    for one in _nodes(root):
        key = of(one.name)
        found[key] = found.get(key, 0.0) + one.own / root.samples
    return found


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children.values():
        yield from _nodes(child)


def main() -> None:
    """Crawl the generated site once with a worker, draw, and print what took longest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker.flame", description=__doc__)
    parser.add_argument("--pages", type=int, default=4000)
    parser.add_argument("--side", default="ours", choices=("ours", "ours_stock_handler", "vanilla"))
    parser.add_argument("--to", type=Path, default=ROOT / "docs/images/worker-flame.svg")
    given = parser.parse_args()
    root = tree(watched.written("benchmarks.worker.sampled", STACKS_FILE, given.side, given.pages).splitlines())
    given.to.write_text(drawn(root, f"CPU time of one worker, {given.pages:,} pages of 10 KB with 10 links"))
    for function, share in longest(root)[:SELF_ROWS]:
        print(f"{100 * share:5.1f} %  {function}")
    print(given.to)


if __name__ == "__main__":
    main()
