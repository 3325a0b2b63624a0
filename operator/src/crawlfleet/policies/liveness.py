"""Which workers' last words count: the living ones', and for a while those of pods that fell silent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crawlfleet.crawl_state import CrawlState
from crawlfleet_frontier import WorkerBeat

FRESH_SECONDS: Final = 3
"""Beats come every second; a word older than this does not prove that its worker holds nothing by now."""

SILENT_SECONDS: Final = 6
"""After this many without a beat a worker is silent."""

GONE_SECONDS: Final = 60
"""A silent worker whose pod still stands may be holding requests for this long; then its word is forgotten."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """The workers' beats, judged."""

    in_flight: int
    """Requests in the hands of workers that live or may come back."""
    busy: int
    """Workers that hold requests, or may by now."""
    forgotten: tuple[str, ...]
    """Worker ids whose fields are to be removed."""


def of(state: CrawlState, pod_uids: frozenset[str]) -> Liveness:
    """Judge one look: a frontier knows by itself what is in hand, with ScrapyRedis only the workers' words do."""
    if state.ledger is not None:
        return Liveness(state.in_flight, int(state.in_flight > 0), ())
    return judge(state.workers, pod_uids)


def judge(beats: Iterable[WorkerBeat], pod_uids: frozenset[str]) -> Liveness:
    """Judge the beats against the pods that exist."""
    in_flight = busy = 0
    forgotten = []
    for beat in beats:
        silent = beat.age_seconds > SILENT_SECONDS
        if silent and (beat.pod_uid not in pod_uids or beat.age_seconds > GONE_SECONDS):
            forgotten.append(beat.worker_id)
            continue
        in_flight += beat.in_flight
        busy += bool(beat.in_flight or beat.age_seconds > FRESH_SECONDS)
    return Liveness(in_flight, busy, tuple(forgotten))
