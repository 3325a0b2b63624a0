"""How the snapshots of a job's two stores become the one shape that the policies judge."""

import json
from collections.abc import Mapping
from typing import cast

from crawlfleet.crawl_state import CrawlState, Ledger, Pace, SeedState
from crawlfleet.frontier_spec import Limits
from crawlfleet_frontier import WorkerBeat
from crawlfleet_frontier.pace import replies as pace_replies
from crawlfleet_frontier.store import LAYOUT
from crawlfleet_frontier.store.replies import LiveWorker, StoreSnapshot, read_snapshot


def missing() -> CrawlState:
    """Return what is seen of a Redis in which the frontier is not (yet, or any more)."""
    return CrawlState(layout=None, expected_layout=LAYOUT)


def state_of(store_reply: bytes, pace_reply: bytes | None) -> CrawlState:
    """Return what both snapshots say; `pace_reply` None where there is no pace store."""
    seen = read_snapshot(store_reply)
    ledger = _ledger(seen, _pace(pace_reply) if pace_reply is not None else None)
    workers = tuple(_beat(worker, ledger.still_seconds) for worker in seen.workers)
    done, leased = seen.number("done"), seen.number("leased")
    return CrawlState(
        layout=seen.meta.get("layout", ""),
        expected_layout=LAYOUT,
        seed_state=cast("SeedState", seen.meta.get("seed_state", "unseeded")),
        started=bool(workers or done or leased or ledger.delayed or ledger.dead),
        queued=seen.number("queued"),
        start_urls=seen.seeds,
        in_flight=leased,
        done=done,
        seen=seen.number("seen"),
        items=seen.items,
        counters=seen.counters,
        workers=workers,
        ledger=ledger,
    )


def _ledger(seen: StoreSnapshot, pace: Pace | None) -> Ledger:
    bits = _number(seen.meta, "bloom_bits")
    time_ms = int(seen.time * 1000)
    return Ledger(
        time_ms=time_ms,
        limits=Limits(
            host_cap=_number(seen.meta, "host_cap"),
            stop_pages=_number(seen.meta, "stop_pages"),
            max_losses=_number(seen.meta, "max_losses"),
        ),
        closed=seen.meta.get("state") == "closed",
        admitted=seen.number("admitted"),
        delayed=seen.number("delayed"),
        due=seen.due,
        dead=seen.number("dead"),
        suspects=seen.number("suspects"),
        ownerless=max(0, seen.number("leased") - sum(worker.held for worker in seen.workers)),
        silence_seconds=_number(seen.meta, "silence_ms") / 1000,
        still_seconds=max(0, time_ms - _number(seen.meta, "lease_last")) / 1000,
        bloom_fill=seen.number("bits") / bits if bits else None,
        pace=pace,
    )


def _pace(reply: bytes) -> Pace:
    seen = pace_replies.read_snapshot(reply)
    return Pace(seen.store_id, seen.ready, seen.waiting, seen.held_slots, seen.longest_wait_ms / 1000)


def _beat(worker: LiveWorker, still_seconds: float) -> WorkerBeat:
    """Return a worker's last word; its age counts the time that no clock of the frontier has."""
    try:
        state = json.loads(worker.state)
    except ValueError:
        state = {}
    phase = state.get("phase", "running") if isinstance(state, dict) else "running"
    return WorkerBeat(worker.epoch, int(worker.silent_ms / 1000 + still_seconds), worker.held, str(phase))


def _number(meta: Mapping[str, str], name: str) -> int:
    return int(float(meta.get(name) or 0))
