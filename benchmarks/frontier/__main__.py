"""`python -m benchmarks.frontier [--rounds 5] [--full]`: the table, and `benchmarks/out/frontier.json`."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import records
from benchmarks.frontier import figures
from benchmarks.frontier.figures import Pair

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "benchmarks" / "out" / "frontier.json"
CODE: Final = ("frontier/src/**/*.py", "frontier/src/**/*.lua", "benchmarks/frontier/*.py")
DISTANCES: Final = (0.0, 0.25, 1.0, 5.0)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each timed figure; the median counts")
    parser.add_argument("--full", action="store_true", help="memory at 10 million ids and over a million hosts too")
    options = parser.parse_args()
    measured: dict[str, Pair] = {}
    for name, measure in (*timed(options.rounds), *memory(full=options.full)):
        begin = time.monotonic()
        measured[name] = measure()
        print(f"{name:<44} {_row(measured[name])}   ({time.monotonic() - begin:.0f} s)", flush=True)
    measured["throughput_at_1ms_ratio"] = _ratio(measured)
    print(f"{'throughput_at_1ms_ratio':<44} {_row(measured['throughput_at_1ms_ratio'])}")
    head = records.head(ROOT, CODE)
    records.write(OUT, {**head, "rounds": options.rounds, **measured})
    print(f"written: {OUT.relative_to(ROOT)}")


def timed(rounds: int) -> Iterator[tuple[str, Callable[[], Pair]]]:
    """Yield what varies from run to run."""
    names: Mapping[str, Callable[[], Pair]] = {
        "enqueue_server_us_per_url": figures.enqueue_server_us_per_url,
        "lease_ack_server_us_per_url": figures.lease_ack_server_us_per_url,
        "redis_calls_per_page": figures.redis_calls_per_page,
        **{f"pages_per_second_at_{ms:g}ms": partial(figures.throughput, ms) for ms in DISTANCES},
    }
    for name, measure in names.items():
        yield name, partial(figures.median_of, rounds, measure)


def memory(*, full: bool) -> Iterator[tuple[str, Callable[[], Pair]]]:
    """Yield what is the same in every run."""
    yield "seen_bytes_per_url_1e5", partial(figures.seen_bytes_per_url, 100_000)
    yield "seen_bytes_per_url", partial(figures.seen_bytes_per_url, 1_000_000)
    yield "queued_bytes_per_request", partial(figures.queued_bytes_per_request, 1000, 1000)
    yield "queued_bytes_per_request_one_host", partial(figures.queued_bytes_per_request, 1, 1_000_000)
    hosts = 1_000_000 if full else 100_000
    yield f"queued_bytes_per_request_{hosts}_hosts", partial(figures.queued_bytes_per_request, hosts, 1)
    if full:
        yield "seen_bytes_per_url_1e7", partial(figures.seen_bytes_per_url, 10_000_000)


def _ratio(measured: Mapping[str, Pair]) -> Pair:
    near, far = measured["pages_per_second_at_0ms"], measured["pages_per_second_at_1ms"]
    return {side: far[side] / near[side] for side in near}


def _row(pair: Pair) -> str:
    ours, peer = pair["ours"], pair["scrapy_redis"]
    return f"ours {ours:10.3f}   scrapy-redis {peer:10.3f}   ratio {ours / peer:.3f}"


if __name__ == "__main__":
    main()
