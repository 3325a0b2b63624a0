"""A CrawlJob as the API server sent it, with names for what the operator reads of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from crawlfleet_frontier import JobKeys

Body = Mapping[str, Any]
"""A Kubernetes object as JSON."""

EngineName = Literal["Frontier", "ScrapyRedis"]
SeedType = Literal["Inline", "Spider", "RedisKey"]
ScalingType = Literal["Queue", "Fixed", "External"]


@dataclass(frozen=True, slots=True)
class QueueScaling:
    """`spec.scaling.queue`."""

    min_replicas: int
    max_replicas: int
    target_drain_seconds: float
    stabilization_seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """One CrawlJob. The schema's defaults are on it already: the API server sets them."""

    body: Body

    @property
    def namespace(self) -> str:  # noqa: D102
        return str(self.body["metadata"]["namespace"])

    @property
    def name(self) -> str:  # noqa: D102
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:  # noqa: D102
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:  # noqa: D102
        return int(self.body["metadata"].get("generation", 0))

    @property
    def resource_version(self) -> str:  # noqa: D102
        return str(self.body["metadata"].get("resourceVersion", ""))

    @property
    def finalizers(self) -> tuple[str, ...]:  # noqa: D102
        return tuple(self.body["metadata"].get("finalizers", ()))

    @property
    def created(self) -> float:
        """Creation time, seconds since the epoch, by the API server's clock."""
        return parse_time(self.body["metadata"]["creationTimestamp"])

    @property
    def deleting_since(self) -> float | None:
        """When deletion was asked for, or None."""
        stamp = self.body["metadata"].get("deletionTimestamp")
        return parse_time(stamp) if stamp else None

    @property
    def spec(self) -> Body:  # noqa: D102
        return self.body["spec"]  # type: ignore[no-any-return]

    @property
    def status(self) -> Body:  # noqa: D102
        return self.body.get("status") or {}

    @property
    def keys(self) -> JobKeys:
        """Its keys in Redis."""
        return JobKeys(self.uid)

    @property
    def operator_class(self) -> str:  # noqa: D102
        return str(self.spec.get("operatorClass", "default"))

    @property
    def engine(self) -> EngineName:  # noqa: D102
        return self.spec["engine"]  # type: ignore[no-any-return]

    @property
    def suspended(self) -> bool:  # noqa: D102
        return bool(self.spec.get("suspend", False))

    @property
    def seed_type(self) -> SeedType:  # noqa: D102
        return self.spec.get("seeds", {}).get("type", "Spider")  # type: ignore[no-any-return]

    @property
    def seed_urls(self) -> tuple[str, ...]:
        """The URLs of Inline seeds."""
        return tuple(self.spec["seeds"].get("inline", {}).get("urls", ()))

    @property
    def seed_key(self) -> str | None:
        """The user's Redis key, where seeds come by one."""
        return self.spec["seeds"]["redisKey"]["key"] if self.seed_type == "RedisKey" else None

    @property
    def workers(self) -> Body:  # noqa: D102
        return self.spec.get("workers") or {}

    @property
    def worker_replicas(self) -> int:
        """`spec.workers.replicas`: what Fixed and External ask for."""
        return int(self.workers.get("replicas", 1))

    @property
    def grace_seconds(self) -> int:
        """`terminationGracePeriodSeconds` of the worker pods."""
        return int(self.workers.get("terminationGracePeriodSeconds", 60))

    @property
    def scaling_type(self) -> ScalingType:  # noqa: D102
        return self.spec.get("scaling", {}).get("type", "Queue")  # type: ignore[no-any-return]

    @property
    def queue_scaling(self) -> QueueScaling:  # noqa: D102
        queue = self.spec.get("scaling", {}).get("queue") or {}
        return QueueScaling(
            min_replicas=int(queue.get("minReplicas", 0)),
            max_replicas=int(queue.get("maxReplicas", 10)),
            target_drain_seconds=float(queue.get("targetDrainSeconds", 600)),
            stabilization_seconds=float(queue.get("scaleDownStabilizationSeconds", 60)),
        )

    @property
    def idle_seconds(self) -> float:  # noqa: D102
        return float((self.spec.get("completion") or {}).get("idleSeconds", 10))

    @property
    def progress_deadline_seconds(self) -> float:  # noqa: D102
        return float(self.spec.get("progressDeadlineSeconds", 900))

    @property
    def ttl_seconds(self) -> float | None:  # noqa: D102
        ttl = self.spec.get("ttlSecondsAfterFinished")
        return None if ttl is None else float(ttl)

    @property
    def redis_managed(self) -> bool:  # noqa: D102
        return str((self.spec.get("redis") or {}).get("type", "Managed")) == "Managed"

    @property
    def redis_storage(self) -> Body:
        """`spec.redis.managed.storage`: size and, where given, className."""
        managed = (self.spec.get("redis") or {}).get("managed") or {}
        return managed.get("storage") or {}

    @property
    def redis_url_secret(self) -> tuple[str, str]:
        """Name and key of the Secret that holds the Redis URL."""
        if self.redis_managed:
            return f"{self.name}-redis", "url"
        reference = self.spec["redis"]["external"]["urlSecretRef"]
        return reference["name"], reference["key"]

    def condition(self, type_: str) -> Body | None:
        """Return the condition of this type as the status has it, or None."""
        for condition in self.status.get("conditions", ()):
            if condition["type"] == type_:
                return condition  # type: ignore[no-any-return]
        return None

    def is_true(self, type_: str) -> bool:
        """Whether the status says True for this condition."""
        condition = self.condition(type_)
        return condition is not None and str(condition["status"]) == "True"

    @property
    def finished(self) -> bool:
        """Whether the job reached an end, which is never left again."""
        return self.is_true("Complete") or self.is_true("Failed")


def parse_time(stamp: str) -> float:
    """Turn Kubernetes' RFC 3339 time into seconds since the epoch."""
    return datetime.fromisoformat(stamp).timestamp()


def format_time(seconds: float) -> str:
    """Turn seconds since the epoch into Kubernetes' RFC 3339 time (whole seconds, UTC)."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
