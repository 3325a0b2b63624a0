"""How many operations does each script make at its largest batch, and how many bytes does a request cost?"""

from collections.abc import Callable

import pytest
import redis

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.store import calls
from crawlfleet_frontier.store.calls import PushRequest, Settlement
from tests.frontier.store_scene import KEYS, Scene, Worker, request, requests, send

AROUND = {"eval", "info", "config|resetstat"}
"""What the test itself sends."""


def operations(client: redis.Redis, call: ScriptCall) -> int:
    """How many commands the script sent."""
    client.config_resetstat()
    send(client, call)
    stats = client.info("commandstats")
    return sum(row["calls"] for name, row in stats.items() if name.removeprefix("cmdstat_") not in AROUND)


def many_hosts(scene: Scene, worker: Worker, count: int = 500) -> list[str]:
    """Lease one request of each of `count` hosts; returns the tokens."""
    scene.push([request(n, f"h{n}.example") for n in range(count)])
    tokens: list[str] = []
    for first in range(0, count, 200):
        hosts = ((f"h{n}.example", 1) for n in range(first, min(first + 200, count)))
        tokens += [grant.token for grant in worker.lease(*hosts).grants]
    return tokens


def numbered(worker: Worker, call: ScriptCall) -> ScriptCall:
    return call.numbered(worker.epoch, worker.number + 1)


def push_to_new_hosts(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.push(KEYS, [request(n, f"n{n}.example") for n in range(500)]))


def push_to_one_host(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.push(KEYS, requests(range(500))))


def lease_of_many_hosts(scene: Scene, worker: Worker) -> ScriptCall:
    for first in (0, 500):
        scene.push([request(n, f"h{n % 200}.example", n % 8) for n in range(first, first + 500)])
    worker.settle(retry=[(grant.token, 0, b"") for grant in worker.lease(("h0.example", 5)).grants])
    done = many_hosts(scene, worker)
    return numbered(worker, calls.lease(KEYS, [(f"h{n}.example", 2) for n in range(200)], elapsed_ms=1, done=done))


def settle_release(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.settle(KEYS, Settlement(release=many_hosts(scene, worker))))


def settle_retry(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.settle(KEYS, Settlement(retry=[(t, 5, b"x") for t in many_hosts(scene, worker)])))


def settle_dead(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.settle(KEYS, Settlement(dead=[(t, "Broken", "") for t in many_hosts(scene, worker)])))


def settle_expired(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.settle(KEYS, Settlement(expired=many_hosts(scene, worker))))


def settle_done(scene: Scene, worker: Worker) -> ScriptCall:
    return numbered(worker, calls.settle(KEYS, Settlement(done=many_hosts(scene, worker))))


def leave(scene: Scene, worker: Worker) -> ScriptCall:
    many_hosts(scene, worker)
    return calls.leave(KEYS, worker.epoch)


def reap(scene: Scene, worker: Worker) -> ScriptCall:
    many_hosts(scene, worker)
    return calls.reap(KEYS, worker.epoch)


def reap_many_epochs(scene: Scene, worker: Worker) -> ScriptCall:
    scene.push(requests(range(120)))
    for n in range(120):
        scene.worker(f"silent:{n}").lease(("a.example", 1))
    scene.pass_leases(8000)
    return calls.reap(KEYS)


def reconcile(scene: Scene, worker: Worker) -> ScriptCall:
    many_hosts(scene, worker)
    return numbered(worker, calls.reconcile(KEYS, [f"9.{n}" for n in range(5000)]))


def replay(scene: Scene, worker: Worker) -> ScriptCall:
    worker.settle(dead=[(token, "Broken", "") for token in many_hosts(scene, worker)])
    return calls.replay(KEYS, [stream_id.decode() for stream_id, _ in scene.client.xrange(KEYS.dead)])


def block(scene: Scene, worker: Worker) -> ScriptCall:
    scene.push(requests(range(500)))
    return calls.block(KEYS, "a.example")


def rewake(scene: Scene, worker: Worker) -> ScriptCall:
    for first in range(0, 2000, 500):
        scene.push([request(n, f"h{n}.example") for n in range(first, first + 500)])
    return calls.rewake(KEYS, "pace")


def woken(scene: Scene, worker: Worker) -> ScriptCall:
    many_hosts(scene, worker)
    return calls.woken(KEYS, [(f"h{n}.example", n) for n in range(500)])


def beat(scene: Scene, worker: Worker) -> ScriptCall:
    counters = {f"counter:{n}": n + 1 for n in range(200)}
    return calls.beat(KEYS, worker.epoch, 1, state="{}", increments=counters, after_number=0, held=[])


@pytest.mark.parametrize(
    ("prepare", "most"),
    [
        (
            push_to_new_hosts,
            3600,
        ),  # 6 a request (seen set, host's record, host's count: read and write), 62 splits of 5
        (push_to_one_host, 1050),  # 2 a request
        (lease_of_many_hosts, 1450),  # 200 hosts of several bands each
        (settle_done, 30),
        (settle_release, 1100),  # 2 a host
        (settle_retry, 35),
        (settle_dead, 530),  # 1 a letter
        (settle_expired, 35),
        (leave, 1100),
        (reap, 45),
        (reap_many_epochs, 1200),  # 11 an epoch
        (reconcile, 1100),
        (replay, 1600),  # 3 a letter
        (block, 530),
        (rewake, 70),
        (woken, 10),
        (beat, 420),  # 2 a counter
    ],
)
def test_the_largest_batch_is_a_bounded_number_of_operations(client, prepare: Callable[..., ScriptCall], most):
    scene = Scene(client, host_cap=100_000, max_losses=2)
    count = operations(client, prepare(scene, scene.worker()))
    assert count <= most, count


def used(client: redis.Redis, *patterns: str) -> int:
    keys = [key for pattern in patterns for key in client.scan_iter(f"{KEYS.prefix}{pattern}", count=10_000)]
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.memory_usage(key, samples=0)
        return sum(pipeline.execute())


def padded(n: int, host: str) -> PushRequest:
    url = f"https://{host}/".encode()
    return request(n, host, 3, url.ljust(70, b"x"))


def test_a_seen_url_costs_at_most_ten_bytes(client):
    scene = Scene(client)
    for first in range(0, 100_000, 500):
        scene.push([PushRequest(each.id, "a", 3, b"x") for each in requests(range(first, first + 500))])
    assert used(client, "s:*") / 100_000 <= 10


def test_a_queued_request_of_seventy_bytes_costs_at_most_120(client):
    scene = Scene(client)
    for host in range(20):
        for first in (0, 500):
            scene.push([padded(host * 1000 + n, f"host{host}.example.com") for n in range(first, first + 500)])
    assert used(client, "q:*", "h:*", "s:*") / 20_000 <= 120


def test_a_host_with_one_request_costs_at_most_140_bytes(client):
    """With about 110 bytes for its place in the pace store's `ready`, it stays at 250."""
    scene = Scene(client)
    for first in range(0, 20_000, 500):
        scene.push([padded(n, f"host{n}.example.com") for n in range(first, first + 500)])
    assert used(client, "h:*", "s:*") / 20_000 <= 140
