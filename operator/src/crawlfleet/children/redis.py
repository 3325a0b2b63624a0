"""The job's own Redis: Secret, Service and StatefulSet of one pod with an append-only file on a claim."""

from collections.abc import Mapping
from typing import Any, Final

from crawlfleet import names
from crawlfleet.children import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    child,
    labels,
    match_labels,
    owner_reference,
)
from crawlfleet.job import Job
from crawlfleet.quantity import parse_bytes

REDIS_USER: Final = 65532
MEMORY_SHARE: Final = 0.6
"""Of the pod's memory limit: the rest is for the fork that rewrites the append-only file."""

CONFIG = """\
port {port}
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory {maxmemory}
maxmemory-policy noeviction
requirepass {password}
"""

FRONTIER_CONFIG = """\
hash-max-listpack-value 512
"""
"""A host with few requests is a field of a bucket, its requests in the value: compact only while this long."""


def secret(job: Job, password: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Build the Secret: the password, the URL that operator and workers use, and Redis' configuration.

    It is created once and never applied again: a changed password would lock the workers out.
    """
    name = names.redis_name(job.name)
    host = f"{name}.{job.namespace}.svc"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": job.namespace,
            "labels": labels(job, names.REDIS),
            "ownerReferences": [owner_reference(job)],
        },
        "type": "Opaque",
        "stringData": {
            "password": password,
            "url": f"redis://:{password}@{host}:{names.REDIS_PORT}/0",
            "redis.conf": _config(job, password, resources),
        },
    }


def _config(job: Job, password: str, resources: Mapping[str, Any]) -> str:
    config = CONFIG.format(port=names.REDIS_PORT, maxmemory=_max_memory(resources), password=password)
    return config + FRONTIER_CONFIG if job.engine == "Frontier" else config


def service(job: Job) -> dict[str, Any]:
    """Build the Service: one stable address for the Redis pod."""
    return child(
        job,
        names.REDIS,
        "v1",
        "Service",
        names.redis_name(job.name),
        spec={
            "selector": match_labels(job, names.REDIS),
            "ports": [{"name": "redis", "port": names.REDIS_PORT, "targetPort": "redis"}],
        },
    )


def statefulset(job: Job, image: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """Build the StatefulSet; its claim goes with it."""
    name = names.redis_name(job.name)
    return child(
        job,
        names.REDIS,
        "apps/v1",
        "StatefulSet",
        name,
        spec={
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": match_labels(job, names.REDIS)},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "template": {
                "metadata": {"labels": labels(job, names.REDIS)},
                "spec": _pod(name, image, resources),
            },
            "volumeClaimTemplates": [_claim(job)],
        },
    )


def _pod(secret_name: str, image: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": "redis"}, "timeoutSeconds": 3}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            **RESTRICTED_POD,
            "runAsUser": REDIS_USER,
            "runAsGroup": REDIS_USER,
            "fsGroup": REDIS_USER,
        },
        "containers": [
            {
                "name": names.REDIS_CONTAINER,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["redis-server", "/etc/crawlfleet/redis.conf"],
                "ports": [{"name": "redis", "containerPort": names.REDIS_PORT}],
                # A Redis that loads its file accepts connections: it is alive, however long that takes.
                "readinessProbe": {**probe, "periodSeconds": 2},
                "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
                "resources": dict(resources),
                "securityContext": RESTRICTED_CONTAINER,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [
                    {"name": "data", "mountPath": "/data"},
                    {"name": "config", "mountPath": "/etc/crawlfleet", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {
                "name": "config",
                "secret": {
                    "secretName": secret_name,
                    "items": [{"key": "redis.conf", "path": "redis.conf"}],
                },
            }
        ],
    }


def _claim(job: Job) -> dict[str, Any]:
    storage = job.redis_storage
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": str(storage.get("size", "1Gi"))}},
    }
    if "className" in storage:
        spec["storageClassName"] = storage["className"]
    return {"metadata": {"name": "data", "labels": labels(job, names.REDIS)}, "spec": spec}


def _max_memory(resources: Mapping[str, Any]) -> int:
    limit = (resources.get("limits") or {}).get("memory")
    return int(parse_bytes(str(limit)) * MEMORY_SHARE) if limit else 0
