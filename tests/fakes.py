"""A cluster and Redises in memory, behind the protocols of `crawlfleet.ports`, with a clock that the test moves."""

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawlfleet import names
from crawlfleet.actions import DropKeys, ForgetWorkers, PrepareFrontier, RedisWrite
from crawlfleet.cache import job_uid
from crawlfleet.engines.scrapy_redis import state_of
from crawlfleet.job import Body, Job, format_time
from crawlfleet.notes import Note
from crawlfleet.observed import Frontier, RedisMemory, Unobservable
from crawlfleet.ports import Conflict, Gone
from crawlfleet_frontier import Snapshot, WorkerBeat
from crawlfleet_frontier.keys import LAYOUT
from tests.builders import NOW, Json, merged

ObjectKey = tuple[str, str, str]
WITHOUT_GENERATION = frozenset({"Service", "Secret", "Pod", "Event"})


@dataclass
class Clock:
    """The API server's and Redis' time."""

    now: float = NOW

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass
class FakeCluster:
    """The API server, as far as the operator uses it."""

    clock: Clock = field(default_factory=Clock)
    objects: dict[ObjectKey, Json] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    """(verb, kind, name) of every request that would change something."""
    notes: list[Note] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    reads: list[tuple[str, str]] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    """Verb → what it raises."""
    _serial: Any = field(default_factory=lambda: itertools.count(100))

    def now(self) -> float:
        return self.clock.now

    def put(self, body: Body) -> Json:
        """Store an object as a user or a controller would."""
        stored: Json = copy.deepcopy(dict(body))
        metadata = stored["metadata"]
        metadata.setdefault("uid", f"uid-{next(self._serial)}")
        metadata["resourceVersion"] = str(next(self._serial))
        self.objects[_key(stored)] = stored
        return copy.deepcopy(stored)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Take an object away with all that it owns, as the garbage collector does; pods begin to leave."""
        gone = self.objects.pop((kind, namespace, name))
        for key, body in list(self.objects.items()):
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in body["metadata"].get("ownerReferences", ())):
                self.remove(*key)
        if kind == "Deployment":
            for body in self.objects.values():
                if body["kind"] == "Pod" and job_uid(body) == job_uid(gone):
                    body["metadata"].setdefault("deletionTimestamp", format_time(self.clock.now))
                    body["metadata"].setdefault("deletionGracePeriodSeconds", 60)

    def job(self, name: str = "books", namespace: str = "crawls") -> Job:
        """The CrawlJob as stored."""
        return Job(copy.deepcopy(self.objects["CrawlJob", namespace, name]))

    async def get(self, kind: str, namespace: str, name: str) -> Body:
        self._may("get")
        self.reads.append(("get", kind))
        return copy.deepcopy(self._stored(kind, namespace, name))

    async def list(self, kind: str, namespace: str, label_selector: str) -> Sequence[Body]:
        self._may("list")
        self.reads.append(("list", kind))
        wanted = dict(part.split("=") for part in label_selector.split(","))
        return [
            copy.deepcopy(body)
            for (its_kind, its_namespace, _), body in self.objects.items()
            if its_kind == kind
            and its_namespace == namespace
            and wanted.items() <= body["metadata"].get("labels", {}).items()
        ]

    async def apply(self, body: Body) -> Body:
        self._may("apply")
        self.writes.append(("apply", body["kind"], body["metadata"]["name"]))
        present = self.objects.get(_key(body))
        stored = merged(present or {}, {key: value for key, value in body.items() if key != "spec"})
        stored["spec"] = copy.deepcopy(body["spec"])
        if stored == present:
            return copy.deepcopy(present)
        if body["kind"] not in WITHOUT_GENERATION:
            old = present["metadata"]["generation"] if present else 0
            changed = present is None or present["spec"] != stored["spec"]
            stored["metadata"]["generation"] = old + changed
        return self.put(stored)

    async def create(self, body: Body) -> Body:
        self._may("create")
        self.writes.append(("create", body["kind"], body["metadata"]["name"]))
        if _key(body) in self.objects:
            raise Conflict(f"{body['kind']} exists")
        return self.put(body)

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:
        self._may("merge_patch")
        self.writes.append(("patch", kind, name))
        present = self._stored(kind, namespace, name)
        _check_version(present, patch["metadata"])
        stored = self.put(merged(present, {**patch, "metadata": _unversioned(patch["metadata"])}))
        if stored["metadata"].get("deletionTimestamp") and not stored["metadata"].get("finalizers"):
            self.remove(kind, namespace, name)
        return stored

    async def patch_status(self, job: Job, status: Mapping[str, Any]) -> Body:
        self._may("patch_status")
        self.writes.append(("status", "CrawlJob", job.name))
        present = self._stored("CrawlJob", job.namespace, job.name)
        _check_version(present, {"uid": job.uid, "resourceVersion": job.resource_version})
        return self.put({**present, "status": merged(present.get("status") or {}, status)})

    async def delete(
        self, kind: str, namespace: str, name: str, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> None:
        self._may("delete")
        self.writes.append(("delete", kind, name))
        present = self.objects.get((kind, namespace, name))
        if present is None or (uid and present["metadata"]["uid"] != uid):
            return
        if kind == "Pod":
            present["metadata"].setdefault("deletionTimestamp", format_time(self.clock.now))
            present["metadata"]["deletionGracePeriodSeconds"] = grace_seconds
        elif present["metadata"].get("finalizers"):
            present["metadata"]["deletionTimestamp"] = format_time(self.clock.now)
        else:
            self.remove(kind, namespace, name)

    async def claim_troubles(self, namespace: str, claim: str) -> Sequence[str]:
        return list(self.claims)

    async def record(self, job: Job, note: Note) -> None:
        self.notes.append(note)

    def _may(self, verb: str) -> None:
        if verb in self.broken:
            raise self.broken[verb]

    def _stored(self, kind: str, namespace: str, name: str) -> Json:
        try:
            return self.objects[kind, namespace, name]
        except KeyError:
            raise Gone(f"{kind} {namespace}/{name}") from None


@dataclass
class FakeRedis:
    """The state of one job in Redis."""

    sentinel: dict[str, str] = field(default_factory=dict)
    queued: int = 0
    start_urls: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    workers: dict[str, WorkerBeat] = field(default_factory=dict)


@dataclass
class FakeFrontier:
    """The jobs' Redises; `away` stands for one that gives no answer."""

    redises: dict[str, FakeRedis] = field(default_factory=dict)
    away: Unobservable | None = None
    writes: list[tuple[str, str]] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    drops_to_go: int = 0
    """How often a removal of keys is not through yet."""

    def of(self, uid: str) -> FakeRedis:
        """The Redis of this job."""
        return self.redises.setdefault(uid, FakeRedis())

    async def look(self, job: Job) -> Frontier | Unobservable:
        if "look" in self.broken:
            raise self.broken["look"]
        if self.away:
            return self.away
        redis = self.of(job.uid)
        snapshot = Snapshot(
            time=NOW,
            sentinel=dict(redis.sentinel),
            queue_type="zset",
            queued=redis.queued,
            start_urls=redis.start_urls,
            seen=0,
            items=0,
            counters=dict(redis.counters),
            workers=tuple(redis.workers.values()),
        )
        return Frontier(state_of(snapshot), RedisMemory(1000, 0))

    async def write(self, job: Job, action: RedisWrite) -> bool:
        match action:
            case PrepareFrontier(seed_state, urls):
                self._note("prepare", job)
                redis = self.of(job.uid)
                if not redis.sentinel:
                    redis.sentinel = {"uid": job.uid, "layout": LAYOUT, "seed_state": seed_state}
                    redis.start_urls += len(urls)
            case ForgetWorkers(worker_ids):
                self._note("forget", job)
                for worker_id in worker_ids:
                    self.of(job.uid).workers.pop(worker_id, None)
            case DropKeys():
                self._note("drop", job)
                if self.drops_to_go:
                    self.drops_to_go -= 1
                    return False
                self.redises.pop(job.uid, None)
        return True

    async def release(self, uid: str) -> None:
        self.released.append(uid)

    def _note(self, verb: str, job: Job) -> None:
        if verb in self.broken:
            raise self.broken[verb]
        self.writes.append((verb, job.uid))


def _key(body: Body) -> ObjectKey:
    return (body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])


def _check_version(present: Body, sent: Mapping[str, Any]) -> None:
    for name in ("uid", "resourceVersion"):
        if sent.get(name) not in (None, present["metadata"][name]):
            raise Conflict(f"the object has been modified ({name})")


def _unversioned(metadata: Mapping[str, Any]) -> Json:
    return {key: value for key, value in metadata.items() if key not in ("uid", "resourceVersion")}


def worker_pods(cluster: FakeCluster) -> list[Json]:
    """The worker pods that stand."""
    return [
        body
        for body in cluster.objects.values()
        if body["kind"] == "Pod" and body["metadata"]["labels"].get(names.COMPONENT_LABEL) == names.WORKER
    ]
