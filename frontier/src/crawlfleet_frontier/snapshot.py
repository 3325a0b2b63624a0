"""What one look at a job's Redis says: the reply of `snapshot.lua`, with names and types."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawlfleet_frontier import counters


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """The last word of one worker."""

    worker_id: str
    """`<pod UID>:<random>`: a restarted container is another worker."""
    age_seconds: int
    """By Redis' clock, whole seconds."""
    in_flight: int
    """Requests taken from the queue that have not left the engine."""
    phase: str
    """waiting (for seeds or sentinel) | running | draining."""

    @property
    def pod_uid(self) -> str:
        """The UID of the pod that the worker runs in."""
        return self.worker_id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent look at a job; numbers are requests unless named otherwise."""

    time: float
    """Redis' clock, seconds since the epoch."""
    sentinel: Mapping[str, str]
    """Empty where the sentinel is missing."""
    queue_type: str
    queued: int
    """-1 where the queue's key holds a type that is no queue."""
    start_urls: int
    seen: int
    items: int
    """Items in the list that no one has drained."""
    counters: Mapping[str, int] = field(default_factory=dict)
    workers: tuple[WorkerBeat, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether the sentinel is there: without it every other number means nothing."""
        return bool(self.sentinel)

    @property
    def seeded(self) -> bool:
        """Whether all seeds have been admitted."""
        return self.sentinel.get("seed_state") == "seeded"

    @property
    def started(self) -> bool:
        """Whether any worker ever reported."""
        return "first_beat_at" in self.sentinel

    @property
    def in_flight(self) -> int:
        """Requests in workers' hands, by their last beats."""
        return sum(worker.in_flight for worker in self.workers)

    @property
    def done(self) -> int:
        """Requests that left a worker's engine for good."""
        return self.counters.get(counters.REQUESTS_DONE, 0)

    def family(self, name: str) -> dict[str, int]:
        """Return a labelled counter family: `family("pages")` is `{"2xx": 12, …}`."""
        prefix = f"{name}:"
        return {key.removeprefix(prefix): n for key, n in self.counters.items() if key.startswith(prefix)}


def read_snapshot(reply: Sequence[Any]) -> Snapshot:
    """Turn the reply of `snapshot.lua` (bytes or str inside) into a Snapshot."""
    seconds, micros, sentinel, queue_type, queued, seen, start_urls, items, counts, workers = reply
    return Snapshot(
        time=seconds + micros / 1e6,
        sentinel=dict(_pairs(sentinel)),
        queue_type=_text(queue_type),
        queued=queued,
        seen=seen,
        start_urls=start_urls,
        items=items,
        counters={name: int(value) for name, value in _pairs(counts)},
        workers=tuple(_read_beat(worker_id, value, seconds) for worker_id, value in _pairs(workers)),
    )


def _read_beat(worker_id: str, value: str, now: int) -> WorkerBeat:
    seconds, _, state = value.split("|", 2)
    fields = json.loads(state)
    return WorkerBeat(
        worker_id=worker_id,
        age_seconds=max(0, now - int(seconds)),
        in_flight=int(fields.get("in_flight", 0)),
        phase=str(fields.get("phase", "running")),
    )


def _pairs(flat: Sequence[Any]) -> Iterator[tuple[str, str]]:
    texts = [_text(part) for part in flat]
    return zip(texts[::2], texts[1::2], strict=True)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
