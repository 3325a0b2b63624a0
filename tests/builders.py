"""Small builders of what decisions look at: jobs, looks at Redis, pods, observations. Times are relative to NOW."""

import copy
from collections.abc import Mapping
from typing import Any, Final

from crawlfleet import frontier_spec, names
from crawlfleet.children import labels
from crawlfleet.children import redis as redis_children
from crawlfleet.children import worker as worker_children
from crawlfleet.conditions import Condition, ConditionType, Reason, merge
from crawlfleet.crawl_state import CrawlState, Ledger, Pace
from crawlfleet.frontier_spec import Limits
from crawlfleet.job import Job, format_time, parse_time
from crawlfleet.observed import Children, Frontier, JobMemory, Observed, RedisMemory, Unobservable
from crawlfleet.plans import PlanSettings
from crawlfleet_frontier import WorkerBeat
from crawlfleet_frontier.keys import LAYOUT
from crawlfleet_frontier.store import LAYOUT as FRONTIER_LAYOUT

Json = dict[str, Any]

NOW: Final = parse_time("2026-03-01T12:00:00Z")
UID: Final = "0b5e7c9a-1111-4222-8333-944444444444"
SETTINGS: Final = PlanSettings("docker.io/valkey/valkey:8.1", {"limits": {"memory": "512Mi"}})
AWAY: Final = Unobservable(Reason.REDIS_UNREACHABLE, "Redis at books-redis:6379 cannot be reached: refused")
EXTERNAL: Final = {"redis": {"type": "External", "external": {"urlSecretRef": {"name": "shared", "key": "url"}}}}
INLINE: Final = {"seeds": {"type": "Inline", "inline": {"urls": ["http://a.example/", "http://b.example/"]}}}
REDIS_KEY: Final = {"seeds": {"type": "RedisKey", "redisKey": {"key": "books:start_urls"}}}


def stamp(seconds_ago: float = 0.0, now: float = NOW) -> str:
    """A Kubernetes time so many seconds before NOW."""
    return format_time(now - seconds_ago)


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """RFC 7386 merge patch, as the API server does it."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def job(
    spec: Mapping[str, Any] | None = None,
    *,
    name: str = "books",
    uid: str = UID,
    generation: int = 1,
    conditions: tuple[Condition, ...] = (),
    since: float = 0.0,
    status: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> Job:
    """A CrawlJob as the API server would send it; `conditions` were set `since` seconds before NOW."""
    base: Json = {
        "operatorClass": "default",
        "engine": "ScrapyRedis",
        "image": "registry.example/books:1",
        "spider": {"name": "books"},
        "seeds": {"type": "Spider"},
        "workers": {"replicas": 1, "terminationGracePeriodSeconds": 60},
        "scaling": {
            "type": "Queue",
            "queue": {
                "minReplicas": 0,
                "maxReplicas": 10,
                "targetDrainSeconds": 600,
                "scaleDownStabilizationSeconds": 60,
            },
        },
        "completion": {"idleSeconds": 10},
        "progressDeadlineSeconds": 900,
        "redis": {"type": "Managed", "managed": {"storage": {"size": "1Gi"}}},
        "suspend": False,
    }
    body: Json = {
        "apiVersion": names.API_VERSION,
        "kind": "CrawlJob",
        "metadata": {
            "namespace": "crawls",
            "name": name,
            "uid": uid,
            "generation": generation,
            "resourceVersion": "10",
            "creationTimestamp": stamp(3600),
            **metadata,
        },
        "spec": merged(base, spec or {}),
    }
    present = merge((), conditions, generation, NOW - since)
    if status or present:
        body["status"] = {**(status or {}), **({"conditions": present} if present else {})}
    return Job(copy.deepcopy(body))


def blocked_by(reason: Reason, message: str = "why") -> Condition:
    """Progressing=False for this reason."""
    return Condition(ConditionType.PROGRESSING, False, reason, message)


INTACT: Final = Condition(ConditionType.FRONTIER_INTACT, True, Reason.SENTINEL_PRESENT, "Redis holds this job's state")
CRAWLING: Final = Condition(ConditionType.PROGRESSING, True, Reason.CRAWLING, "requests are queued or in flight")
COMPLETE: Final = Condition(ConditionType.COMPLETE, True, Reason.CRAWL_FINISHED, "nothing queued")


def snapshot(
    queued: int = 0,
    *,
    start_urls: int = 0,
    seeded: bool = True,
    started: bool = True,
    done: int = 0,
    workers: tuple[WorkerBeat, ...] = (),
    sentinel: Mapping[str, str] | None = None,
    counters: Mapping[str, int] | None = None,
    seen: int = 0,
    items: int = 0,
) -> CrawlState:
    """One look at a Redis that answers; of an intact, seeded, started crawl unless told otherwise."""
    return CrawlState(
        layout=LAYOUT if sentinel is None else sentinel.get("layout"),
        expected_layout=LAYOUT,
        seed_state="seeded" if seeded else "unseeded",
        started=started,
        queued=queued,
        start_urls=start_urls,
        in_flight=sum(worker.in_flight for worker in workers),
        done=done,
        seen=seen,
        items=items,
        counters={"requests_done": done, **(counters or {})},
        workers=workers,
    )


def beat(pod_uid: str = "pod-1", *, age: int = 0, in_flight: int = 0, phase: str = "running") -> WorkerBeat:
    """The last word of the worker in this pod."""
    return WorkerBeat(f"{pod_uid}:r1", age, in_flight, phase)


def answer(*args: Any, **kwargs: Any) -> Frontier:
    """What a look at Redis gives: a snapshot (arguments as for `snapshot`) and its memory."""
    return Frontier(snapshot(*args, **kwargs), RedisMemory(1000, 4000))


def pod(
    of: Job,
    uid: str = "pod-1",
    *,
    component: str = names.WORKER,
    state: Mapping[str, Any] | None = None,
    last: Mapping[str, Any] | None = None,
    phase: str = "Running",
    scheduled: Mapping[str, Any] | None = None,
    template: str | None = None,
    **metadata: Any,
) -> Json:
    """A pod of the job with one container in this state; `scheduled`: its PodScheduled condition."""
    own = labels(of, component)
    if component == names.WORKER:
        own[names.TEMPLATE_LABEL] = template or worker_children.template_hash(of)
    container: Json = {"name": component, "image": of.spec["image"], "state": dict(state or {})}
    if last:
        container["lastState"] = dict(last)
    status: Json = {"phase": phase, "containerStatuses": [container] if state is not None or last else []}
    if scheduled:
        status["conditions"] = [{"type": "PodScheduled", **scheduled}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": of.namespace, "name": f"{of.name}-{uid}", "uid": uid, "labels": own, **metadata},
        "spec": {},
        "status": status,
    }


def running(seconds: float = 60) -> Json:
    """The state of a container that has run so long."""
    return {"running": {"startedAt": stamp(seconds)}}


def waiting(reason: str, message: str = "") -> Json:
    """The state of a container that waits."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def terminated(code: int, message: str = "", reason: str = "Error") -> Json:
    """The state of a container that ended."""
    return {"terminated": {"exitCode": code, "reason": reason, **({"message": message} if message else {})}}


def deployment(of: Job, replicas: int = 1, *, ready: int = 0, generation: int = 1) -> Json:
    """The worker Deployment as stored after our own apply."""
    body = worker_children.deployment(of, replicas)
    body["metadata"].update(uid=f"{of.uid}-deployment", generation=generation, resourceVersion="5")
    return {**body, "status": {"replicas": replicas, "readyReplicas": ready}}


def children(of: Job, replicas: int = 1, *, ready: int = 0, **parts: Any) -> Children:
    """Everything in place, as after the operator's first passes."""
    managed: Json = {}
    if of.redis_managed:
        managed = {
            "service": redis_children.service(of),
            "statefulset": redis_children.statefulset(of, SETTINGS.redis_image, SETTINGS.redis_resources),
            "secret_exists": True,
        }
    return Children(**{"deployment": deployment(of, replicas, ready=ready), **managed, **parts})


def observed(
    of: Job,
    frontier: Frontier | Unobservable,
    present: Children | None = None,
    *,
    memory: JobMemory | None = None,
    now: float = NOW,
) -> Observed:
    """One look at one job."""
    return Observed(of, now, children(of) if present is None else present, frontier, memory or JobMemory())


FRONTIER: Final = {"engine": "Frontier"}
PACE: Final = Pace("pace-1", ready=2, waiting=3, held_slots=0, longest_wait_seconds=0.0)


def ledger(**parts: Any) -> Ledger:
    """What only engine Frontier counts; of a job that keeps the defaults, its workers beating."""
    return Ledger(**{"time_ms": int(NOW * 1000), "limits": Limits(), "pace": PACE, **parts})


def frontier_state(
    queued: int = 0, *, in_flight: int = 0, done: int = 0, ledger_parts: Mapping[str, Any] | None = None, **parts: Any
) -> CrawlState:
    """One look at an intact, seeded, started frontier; `admitted` adds up unless it is given."""
    own = dict(ledger_parts or {})
    own.setdefault("admitted", queued + in_flight + done + own.get("delayed", 0) + own.get("dead", 0))
    return CrawlState(
        **{
            "layout": FRONTIER_LAYOUT,
            "expected_layout": FRONTIER_LAYOUT,
            "seed_state": "seeded",
            "started": True,
            "queued": queued,
            "in_flight": in_flight,
            "done": done,
            "ledger": ledger(**own),
            **parts,
        }
    )


def frontier_answer(*args: Any, **kwargs: Any) -> Frontier:
    """What a look at a frontier gives (arguments as for `frontier_state`)."""
    return Frontier(frontier_state(*args, **kwargs), RedisMemory(1000, 4000))


def politeness_mark(of: Job) -> str:
    """What the memory says of a pace store that was given the job's politeness."""
    return f"{PACE.store_id}/{frontier_spec.politeness(of).version}"
