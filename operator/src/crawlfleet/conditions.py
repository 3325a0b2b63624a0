"""Conditions, their reasons, and how one is set. The table for people is `docs/conditions.md`."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crawlfleet.job import Body, format_time


class ConditionType(StrEnum):
    """The conditions of a CrawlJob."""

    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    FRONTIER_OBSERVABLE = "FrontierObservable"
    FRONTIER_INTACT = "FrontierIntact"
    SCALING_LIMITED = "ScalingLimited"


class Reason(StrEnum):
    """Every reason that a condition may carry."""

    STARTING = "Starting"
    SEEDING = "Seeding"
    CRAWLING = "Crawling"
    IDLE = "Idle"
    FINISHED = "Finished"
    SUSPENDED = "Suspended"
    RUNNING = "Running"

    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    VOLUME_NOT_BOUND = "VolumeNotBound"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    OUT_OF_MEMORY = "OutOfMemory"
    CRASH_LOOPING = "CrashLooping"
    PODS_REJECTED = "PodsRejected"

    SPIDER_NOT_FOUND = "SpiderNotFound"
    SPIDER_IMPORT_FAILED = "SpiderImportFailed"
    SPIDER_START_FAILED = "SpiderStartFailed"
    CONTRACT_BROKEN = "ContractBroken"
    UNSUPPORTED_SCRAPY = "UnsupportedScrapy"
    LAYOUT_MISMATCH = "LayoutMismatch"
    WORKER_CRASHED = "WorkerCrashed"
    WORKER_PACKAGE_MISSING = "WorkerPackageMissing"
    NO_HEARTBEAT = "NoHeartbeat"

    REDIS_UNREACHABLE = "RedisUnreachable"
    REDIS_ACCESS_DENIED = "RedisAccessDenied"
    REDIS_SECRET_MISSING = "RedisSecretMissing"  # noqa: S105 - a reason, no secret
    REDIS_EVICTS = "RedisEvicts"
    REACHABLE = "Reachable"
    UNKNOWN = "Unknown"

    SENTINEL_PRESENT = "SentinelPresent"
    SENTINEL_MISSING = "SentinelMissing"
    COUNTERS_FELL_BACK = "CountersFellBack"

    MAX_REPLICAS = "MaxReplicas"
    MIN_REPLICAS = "MinReplicas"
    FIRST_WORKER = "FirstWorker"
    FRONTIER_UNKNOWN = "FrontierUnknown"
    WITHIN_BOUNDS = "WithinBounds"

    CRAWL_FINISHED = "CrawlFinished"
    PAGE_LIMIT_REACHED = "PageLimitReached"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a policy says of one condition. `status` None stands for Unknown."""

    type: ConditionType
    status: bool | None
    reason: Reason
    message: str

    @property
    def status_text(self) -> str:
        """The status as Kubernetes writes it."""
        return {True: "True", False: "False", None: "Unknown"}[self.status]


MESSAGE_LIMIT = 1024
"""Characters of a message; the schema of metav1.Condition allows 32768, a person reads less."""


def merge(before: Iterable[Body], wanted: Iterable[Condition], generation: int, now: float) -> list[dict[str, Any]]:
    """Return the conditions list: `lastTransitionTime` moves only with `status`; conditions unnamed stay."""
    merged = {condition["type"]: dict(condition) for condition in before}
    for condition in wanted:
        old = merged.get(condition.type.value, {})
        changed = old.get("status") != condition.status_text
        merged[condition.type.value] = {
            "type": condition.type.value,
            "status": condition.status_text,
            "reason": condition.reason.value,
            "message": condition.message[:MESSAGE_LIMIT],
            "observedGeneration": generation,
            "lastTransitionTime": format_time(now) if changed else old["lastTransitionTime"],
        }
    return [merged[type_.value] for type_ in ConditionType if type_.value in merged]
