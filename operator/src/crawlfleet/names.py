"""What things are called: labels, children, the field manager."""

from typing import Final

GROUP: Final = "crawlfleet.io"
VERSION: Final = "v1alpha1"
PLURAL: Final = "crawljobs"
API_VERSION: Final = f"{GROUP}/{VERSION}"
FIELD_MANAGER: Final = "crawlfleet"

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "crawlfleet"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
JOB_NAME_LABEL: Final = f"{GROUP}/job-name"
JOB_UID_LABEL: Final = f"{GROUP}/job-uid"
TEMPLATE_LABEL: Final = f"{GROUP}/template"
"""On worker pods: a hash of their template, which tells the pods of a mended spec from those before."""
APPLIED_ANNOTATION: Final = f"{GROUP}/applied"
"""On children: a hash of what was applied, so that an apply that would change nothing is not sent."""
FINALIZER: Final = f"{GROUP}/redis-keys"
"""Only on jobs with an external Redis: their keys are removed before the object goes."""

WORKER: Final = "worker"
REDIS: Final = "redis"
REDIS_PORT: Final = 6379
REDIS_CONTAINER: Final = "redis"
WORKER_CONTAINER: Final = "worker"


def worker_name(job_name: str) -> str:
    """Return the name of a job's worker Deployment."""
    return f"{job_name}-worker"


def redis_name(job_name: str) -> str:
    """Return the name of a job's Redis StatefulSet, Service and Secret."""
    return f"{job_name}-redis"


def redis_claim_name(job_name: str) -> str:
    """Return the name of the claim that the StatefulSet controller makes for the one Redis pod."""
    return f"data-{redis_name(job_name)}-0"


def selector(uid: str, component: str) -> str:
    """Return the label selector of one component's pods of one job."""
    return f"{JOB_UID_LABEL}={uid},{COMPONENT_LABEL}={component}"
