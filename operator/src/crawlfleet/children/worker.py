"""The workers' Deployment: the user's image, started as `crawlfleet-worker` (environment: `docs/contract.md`)."""

import json
from typing import Any

from crawlfleet import names
from crawlfleet.children import RESTRICTED_CONTAINER, RESTRICTED_POD, child, digest, labels, match_labels
from crawlfleet.job import Job


def deployment(job: Job, replicas: int) -> dict[str, Any]:
    """Build the Deployment with this many replicas."""
    template = _template(job)
    return child(
        job,
        names.WORKER,
        "apps/v1",
        "Deployment",
        names.worker_name(job.name),
        spec={
            "replicas": replicas,
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": match_labels(job, names.WORKER)},
            # An image change keeps the old workers until the new ones run.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": template,
        },
    )


def template_hash(job: Job) -> str:
    """Return the hash that the pods of the present spec carry as a label."""
    return digest(_pod(job))


def _template(job: Job) -> dict[str, Any]:
    return {
        "metadata": {"labels": {**labels(job, names.WORKER), names.TEMPLATE_LABEL: template_hash(job)}},
        "spec": _pod(job),
    }


def _pod(job: Job) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": job.grace_seconds,
        "securityContext": RESTRICTED_POD,
        "containers": [_container(job)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    for field in ("nodeSelector", "tolerations"):
        if job.workers.get(field):
            pod[field] = job.workers[field]
    if job.spec.get("imagePullSecrets"):
        pod["imagePullSecrets"] = job.spec["imagePullSecrets"]
    return pod


def _container(job: Job) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": names.WORKER_CONTAINER,
        "image": job.spec["image"],
        "command": ["crawlfleet-worker"],
        "env": [*_environment(job), *job.workers.get("env", ())],
        "resources": job.workers.get("resources") or {},
        "securityContext": RESTRICTED_CONTAINER,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own emptyDir
    }
    if "imagePullPolicy" in job.spec:
        container["imagePullPolicy"] = job.spec["imagePullPolicy"]
    return container


def _environment(job: Job) -> list[dict[str, Any]]:
    secret, key = job.redis_url_secret
    spider = job.spec["spider"]
    values = {
        "CRAWLFLEET_JOB_UID": job.uid,
        "CRAWLFLEET_JOB_NAME": job.name,
        "CRAWLFLEET_NAMESPACE": job.namespace,
        "CRAWLFLEET_ENGINE": job.spec["engine"],
        "CRAWLFLEET_SPIDER": spider["name"],
        "CRAWLFLEET_SPIDER_ARGUMENTS": json.dumps(spider.get("arguments") or {}, sort_keys=True),
        "CRAWLFLEET_SPIDER_SETTINGS": json.dumps(spider.get("settings") or {}, sort_keys=True),
        "CRAWLFLEET_SEEDS": json.dumps(_seeds(job), sort_keys=True),
        "CRAWLFLEET_GRACE_SECONDS": str(job.grace_seconds),
    }
    return [
        *({"name": name, "value": value} for name, value in values.items()),
        {
            "name": "CRAWLFLEET_POD_UID",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}},
        },
        {
            "name": "CRAWLFLEET_REDIS_URL",
            "valueFrom": {"secretKeyRef": {"name": secret, "key": key}},
        },
    ]


def _seeds(job: Job) -> dict[str, str]:
    if job.seed_key is None:
        return {"type": job.seed_type}
    return {"type": job.seed_type, "key": job.seed_key}
