"""Four jobs that keep an operator busy: an Inline crawl, a Spider crawl, a managed Redis, a suspended one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.run import wait_until
from tests.api.fleet import Runs
from tests.api.operator_scene import INLINE, Body, Scene, condition_of, in_order
from tests.api.simulated_worker import START_REQUESTS, Pace

SLOWLY = Runs(Pace(requests=1))
"""About five requests a second and worker: a crawl of 12 takes some seconds."""

SCALED = {"type": "Queue", "queue": {"maxReplicas": 3, "targetDrainSeconds": 1, "scaleDownStabilizationSeconds": 0}}
CRAWLS = {"inline": len(INLINE["inline"]["urls"]), "spider": START_REQUESTS}
"""Those that come to an end, with the number of requests that are admitted."""

SPECS: Mapping[str, Body] = {
    "inline": {"scaling": SCALED},
    "spider": {"seeds": {"type": "Spider"}},
    "managed": {"redis": {"type": "Managed"}},
    "suspended": {"suspend": True},
}


@dataclass(frozen=True)
class JobSet:
    """The jobs of one operator class in one namespace; their names begin with the class."""

    scene: Scene
    operator_class: str
    created: dict[str, Body] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """Return the name of the job of this kind."""
        return f"{self.operator_class}-{kind}"

    def create(self) -> None:
        """Create all of them."""
        for kind, spec in SPECS.items():
            self.scene.behave(self.name(kind), SLOWLY)
            self.created[kind] = self.scene.create(self.name(kind), operator_class=self.operator_class, **spec)

    def assert_ended_well(self) -> None:
        """Wait for the end of those that end; nothing may have been lost, made anew or deleted."""
        scene, redis = self.scene, f"{self.name('managed')}-redis"
        scene.until(self.name("managed"), lambda now: "conditions" in now, "a status")
        wait_until(lambda: scene.child("stateful_set", redis) is not None, "the managed Redis", timeout=10)
        password = scene.child("secret", redis)
        for kind, admitted in CRAWLS.items():
            scene.until_condition(self.name(kind), "Complete", "True", "CrawlFinished", 40)
            assert scene.status(self.name(kind))["frontier"]["done"] == admitted
            scene.until_replicas(self.name(kind), 0)
        assert scene.child("secret", redis) == password
        suspended = self.name("suspended")
        scene.until(suspended, lambda now: now.get("phase") == "Suspended", "phase Suspended")
        assert scene.child("deployment", f"{suspended}-worker") is None
        assert {kind: scene.jobs.get(self.name(kind))["metadata"]["uid"] for kind in self.created} == {
            kind: body["metadata"]["uid"] for kind, body in self.created.items()
        }

    def way(self, kind: str) -> tuple[list[str], list[str]]:
        """Return a job's phases and its reasons of Progressing, in their order; Crawling may be missed."""
        history = self.scene.history(self.created[kind])
        reasons = in_order([condition_of(status, "Progressing")[1] for status in history])
        phases = in_order([status.get("phase") for status in history])
        return phases, [reason for reason in reasons if reason != "Crawling"]
