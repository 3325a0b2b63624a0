"""The Kubernetes API behind the `Cluster` protocol: the kubernetes client's aio half, dicts in and out.

Typed models are left out on purpose: they cost 25 MB and a copy of every object.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import client, config

from crawlfleet import names
from crawlfleet.children import digest
from crawlfleet.job import Body, Job, format_time
from crawlfleet.notes import Note
from crawlfleet.ports import Conflict, Gone

logger = logging.getLogger(__name__)

_APIS: Final = {
    "CrawlJob": f"apis/{names.API_VERSION}",
    "Deployment": "apis/apps/v1",
    "StatefulSet": "apis/apps/v1",
    "Service": "api/v1",
    "Secret": "api/v1",
    "Pod": "api/v1",
    "PersistentVolumeClaim": "api/v1",
    "Event": "api/v1",
}
_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_UNBOUND: Final = frozenset({"FailedBinding", "ProvisioningFailed"})
"""Reasons of the volume controllers' events; the first comes as a Normal one."""

TIMEOUT_SECONDS: Final = 20.0
SKEW_SECONDS: Final = 2.0
"""A difference between the API server's clock (its Date header has whole seconds) and ours that is believed."""


class KubeError(Exception):
    """The API server refused a request; the message is its own."""

    def __init__(self, status: int, method: str, path: str, message: str) -> None:
        super().__init__(f"{method} {path}: {status} {message}")
        self.status = status


async def load_configuration() -> client.Configuration:
    """Return the in-cluster configuration, or that of the kubeconfig where there is none."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return configuration


class KubeCluster:
    """The cluster that a configuration names."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._skew = 0.0

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    def now(self) -> float:  # noqa: D102
        return time.time() + self._skew

    async def get(self, kind: str, namespace: str, name: str) -> Body:  # noqa: D102
        return await self._request("GET", _path(kind, namespace, name))

    async def list(self, kind: str, namespace: str, label_selector: str) -> Sequence[Body]:  # noqa: D102
        path = _path(kind, namespace) + "?" + urlencode({"labelSelector": label_selector})
        return (await self._request("GET", path))["items"]  # type: ignore[no-any-return]

    async def apply(self, body: Body) -> Body:  # noqa: D102
        metadata = body["metadata"]
        path = _path(body["kind"], metadata["namespace"], metadata["name"])
        query = f"?fieldManager={names.FIELD_MANAGER}&force=true"
        return await self._request("PATCH", path + query, body, _APPLY)

    async def create(self, body: Body) -> Body:  # noqa: D102
        path = _path(body["kind"], body["metadata"]["namespace"])
        return await self._request("POST", f"{path}?fieldManager={names.FIELD_MANAGER}", body)

    async def merge_patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> Body:  # noqa: D102
        path = f"{_path(kind, namespace, name)}?fieldManager={names.FIELD_MANAGER}"
        return await self._request("PATCH", path, patch, _MERGE)

    async def patch_status(self, job: Job, status: Mapping[str, Any]) -> Body:  # noqa: D102
        path = f"{_path('CrawlJob', job.namespace, job.name)}/status?fieldManager={names.FIELD_MANAGER}"
        metadata = {"uid": job.uid, "resourceVersion": job.resource_version}
        return await self._request("PATCH", path, {"metadata": metadata, "status": status}, _MERGE)

    async def delete(  # noqa: D102
        self, kind: str, namespace: str, name: str, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> None:
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._request("DELETE", _path(kind, namespace, name), options)
        except (Gone, Conflict):
            logger.debug("%s %s/%s is gone already", kind, namespace, name)

    async def claim_troubles(self, namespace: str, claim: str) -> Sequence[str]:  # noqa: D102
        fields = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={claim}"
        path = _path("Event", namespace) + "?" + urlencode({"fieldSelector": fields})
        events = [event for event in (await self._request("GET", path))["items"] if event.get("reason") in _UNBOUND]
        events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return [event.get("message", "") for event in events]

    async def record(self, job: Job, note: Note) -> None:  # noqa: D102
        stamp = format_time(self.now())
        about = {"apiVersion": names.API_VERSION, "kind": "CrawlJob", "uid": job.uid}
        key = digest({"uid": job.uid, "reason": note.reason, "message": note.message, "at": stamp[:16]})
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{job.name}.{key}", "namespace": job.namespace},
            "involvedObject": {**about, "name": job.name, "namespace": job.namespace},
            "type": note.type,
            "reason": note.reason,
            "message": note.message[:1024],
            "source": {"component": "crawlfleet"},
            "reportingComponent": "crawlfleet.io/operator",
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        try:
            await self.create(body)
        except Conflict:
            logger.debug("event %s is recorded already", key)
        except (KubeError, Gone, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("cannot record an event on %s/%s: %s", job.namespace, job.name, error)

    async def _request(
        self, method: str, path: str, body: Body | None = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = await self._api.param_serialize(
            method, f"/{path}", header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        answer = await self._api.call_api(*request, _request_timeout=TIMEOUT_SECONDS)
        self._keep_time(answer.headers.get("Date"))
        text: bytes = await answer.read()  # type: ignore[no-untyped-call]
        try:
            data: dict[str, Any] = json.loads(text)
        except ValueError:
            # A proxy's own words, such as those of a 502.
            raise KubeError(answer.status, method, path, text[:200].decode(errors="replace")) from None
        if 200 <= answer.status < 300:
            return data
        message = str(data.get("message", ""))
        if answer.status == 404:
            raise Gone(message)
        if answer.status == 409:
            raise Conflict(message)
        raise KubeError(answer.status, method, path, message)

    def _keep_time(self, date: str | None) -> None:
        if date:
            skew = parsedate_to_datetime(date).timestamp() - time.time()
            self._skew = skew if abs(skew) > SKEW_SECONDS else 0.0


def _path(kind: str, namespace: str, name: str = "") -> str:
    path = f"{_APIS[kind]}/namespaces/{quote(namespace)}/{kind.lower()}s"
    return f"{path}/{quote(name)}" if name else path
