"""Which crawl, and which faults at which moment, does a seed stand for? Pure.

The classes come in turn, so that any run of seeds from 1 on has each about equally often: a cycle of ten seeds has each
of the 15 classes once, five alone and ten in pairs. FLUSHALL is always alone: nothing else can be judged after it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

KILLS: Final = ("kill-in-download", "kill-in-callback", "kill-before-settle")
CLASSES: Final = (
    *KILLS,
    "sigterm",
    "sigstop",
    "redis-kill",
    "cut-tail",
    "redis-away",
    "lost-replies",
    "stalled-connection",
    "poison-page",
    "scale-to-zero",
    "memory-limit",
    "clock-step",
    "flushall",
)
FLUSHALL: Final = "flushall"
ALONE: Final = 5
"""Classes of a cycle that strike alone; the others come in pairs."""
CYCLE: Final = ALONE + (len(CLASSES) - ALONE) // 2
FULL_RUN: Final = 16 * CYCLE
"""Seeds of the whole run: each class 16 times."""

NOT_TOGETHER: Final = frozenset({"redis-kill", "cut-tail", "redis-away"})
"""A pair has one of these at most: one would undo what the other did."""

Comeback = Literal["restart", "replace", "never"]
"""Of a worker that died: a new process in its pod, a new pod, none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a seed decides."""

    seed: int
    faults: tuple[str, ...]
    server: Literal["redis", "valkey"]
    pages: int
    hosts: int
    seeds: Literal["Spider", "Inline", "RedisKey"]
    workers: int
    concurrency: int
    """Requests that one worker may have open."""
    slots: int
    """Requests that a host may have open."""
    delay_ms: int
    moment: float
    """The share of all requests after which the faults strike."""
    comeback: Comeback
    comeback_seconds: float

    @property
    def label(self) -> str:
        """The class of the table."""
        return self.faults[0] if len(self.faults) == 1 else "two at once"

    def numbers(self, fault: str) -> random.Random:
        """Return what a fault draws its own numbers from."""
        return random.Random(f"{self.seed} {fault}")


def draw(seed: int, faults: Sequence[str] = (), pages: int = 0) -> Scenario:
    """Return the scenario of a seed; `faults` and `pages` take the place of what it would draw."""
    rng = random.Random(f"scenario {seed}")
    delay_ms, slots = rng.choice(((0, 8), (0, 16), (0, 64), (4, 8)))
    return Scenario(
        seed=seed,
        server=rng.choice(("redis", "valkey")),
        pages=pages or rng.randrange(1500, 1560),
        hosts=rng.randrange(4, 9),
        seeds=rng.choice(("Spider", "Inline", "RedisKey")),
        workers=rng.choice((2, 2, 3)),
        concurrency=rng.choice((4, 8, 16, 32)),
        slots=slots,
        delay_ms=delay_ms,
        moment=rng.uniform(0.15, 0.75),
        comeback=rng.choice(("restart", "replace", "never")),
        comeback_seconds=rng.uniform(0.2, 3.0),
        faults=tuple(faults) or faults_of(seed),
    )


def faults_of(seed: int) -> tuple[str, ...]:
    """Return the classes whose turn it is."""
    cycle, place = divmod(seed - 1, CYCLE)
    return turns(cycle)[place]


def turns(cycle: int) -> list[tuple[str, ...]]:
    """Return what strikes in the seeds of one cycle: each class once, and who is alone changes from cycle to cycle."""
    others = [name for name in CLASSES if name != FLUSHALL]
    first = cycle * (ALONE - 1) % len(others)
    others = others[first:] + others[:first]
    alone = [(name,) for name in (*others[: ALONE - 1], FLUSHALL)]
    return [*alone, *_pairs(random.Random(f"pairs {cycle}"), others[ALONE - 1 :])]


def _pairs(rng: random.Random, names: list[str]) -> list[tuple[str, ...]]:
    while True:
        rng.shuffle(names)
        drawn = list(zip(names[::2], names[1::2], strict=True))
        if not any(NOT_TOGETHER.issuperset(pair) for pair in drawn):
            return [*drawn]


def seeds_of(fault: str, seeds: Sequence[int]) -> list[int]:
    """Return the seeds among these whose faults have this class."""
    return [seed for seed in seeds if fault in faults_of(seed)]
