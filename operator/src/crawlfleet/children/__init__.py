"""The objects of a job, as JSON: pure builders, deterministic, one file per child."""

import hashlib
import json
from typing import Any

from crawlfleet import names
from crawlfleet.job import Body, Job


def labels(job: Job, component: str) -> dict[str, str]:
    """Return the labels that every child and pod of this component carries."""
    return {
        "app.kubernetes.io/name": "crawlfleet",
        names.MANAGED_BY_LABEL: names.MANAGED_BY,
        names.COMPONENT_LABEL: component,
        names.JOB_NAME_LABEL: job.name,
        names.JOB_UID_LABEL: job.uid,
    }


def match_labels(job: Job, component: str) -> dict[str, str]:
    """Return the selector of the pods of this component."""
    return {names.JOB_UID_LABEL: job.uid, names.COMPONENT_LABEL: component}


def owner_reference(job: Job) -> dict[str, Any]:
    """Return the reference by which Kubernetes deletes the child with its job."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "CrawlJob",
        "name": job.name,
        "uid": job.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def child(job: Job, component: str, api_version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:  # noqa: ANN401
    """Build a child with its metadata, and the hash of the whole in an annotation."""
    body: dict[str, Any] = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": job.namespace,
            "labels": labels(job, component),
            "ownerReferences": [owner_reference(job)],
        },
        **parts,
    }
    body["metadata"]["annotations"] = {names.APPLIED_ANNOTATION: digest(body)}
    return body


def digest(value: Body) -> str:
    """Return a short hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}

RESTRICTED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
"""Together with RESTRICTED_CONTAINER: Kubernetes' Pod Security Standard `restricted`."""
