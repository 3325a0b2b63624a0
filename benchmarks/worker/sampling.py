"""Where is a worker's CPU time spent? A look at its stack for every millisecond of it.

An extension for the bench's project: from the moment that the spider opens until it closes, SIGPROF comes after each
millisecond of CPU time (both of user and of system), and the stack of the loop's thread is counted then. Python takes
a signal between two bytecodes, so what a C function spends is counted for who called it.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Final, Self

from scrapy import signals
from scrapy.crawler import Crawler

STACKS_FILE: Final = "CRAWLFLEET_BENCH_STACKS"
"""The file for the stacks, in the environment: a line for each, `outer;…;inner count`."""

EVERY_SECONDS: Final = 0.001

Stack = tuple[CodeType, ...]


class Sampling:
    """Counts stacks, innermost function first."""

    def __init__(self) -> None:
        self._stacks: Counter[Stack] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the two signals."""
        sampling = cls()
        crawler.signals.connect(sampling.begin, signals.spider_opened)
        crawler.signals.connect(sampling.end, signals.spider_closed)
        return sampling

    def begin(self) -> None:
        """Look from here on."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def end(self) -> None:
        """Write down what was seen."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        lines = Counter[str]()
        for stack, times in self._stacks.items():
            lines[";".join(named(code) for code in reversed(stack))] += times
        text = "".join(f"{line} {times}\n" for line, times in sorted(lines.items()))
        Path(os.environ[STACKS_FILE]).write_text(text)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1


def named(code: CodeType) -> str:
    """Return `package.module:function` of a function that stands in a file of these."""
    parts = Path(code.co_filename).with_suffix("").parts
    for root in ("site-packages", "src", "lib", "python3"):
        if root in parts:
            parts = parts[len(parts) - parts[::-1].index(root) :]
    if parts and parts[0].startswith("python3"):
        parts = parts[1:]
    return f"{'.'.join(parts[-4:])}:{code.co_qualname}".replace(";", ",").replace(" ", "")
