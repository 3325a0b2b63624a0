"""The requests that reach an API server, and what its answers become; the server is one of our own on loopback."""

import asyncio
import json
from email.utils import formatdate

import pytest
from aiohttp import web
from kubernetes.aio import client

from crawlfleet import kube
from crawlfleet.kube import KubeCluster, KubeError
from crawlfleet.notes import Note
from crawlfleet.ports import Conflict, Gone
from tests import builders as b
from tests.servers.ports import free_port

NOTE = Note("Warning", "ImagePullFailed", "not found")


class ApiServer:
    """Answers every request with what the test laid down, and remembers it."""

    def __init__(self):
        self.requests = []
        self.status, self.answer, self.date = 200, {"items": []}, None

    async def handle(self, request):
        body = await request.text()
        self.requests.append(
            (
                request.method,
                request.path,
                dict(request.query),
                request.headers.get("Content-Type"),
                json.loads(body) if body else None,
            )
        )
        headers = {"Date": formatdate(self.date, usegmt=True)} if self.date else {}
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(text=text, status=self.status, content_type="application/json", headers=headers)


@pytest.fixture
async def server():
    """The server and a cluster that talks to it."""
    api = ApiServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{port}"
    cluster = KubeCluster(client.ApiClient(configuration))
    yield api, cluster
    await cluster.close()
    await runner.cleanup()


JOBS = "/apis/crawlfleet.io/v1alpha1/namespaces/crawls/crawljobs"
OURS = {"fieldManager": "crawlfleet"}
JSON, MERGE, APPLY = "application/json", "application/merge-patch+json", "application/apply-patch+yaml"
SERVICE = {"kind": "Service", "metadata": {"namespace": "crawls", "name": "s"}}
STATEFULSET = {"kind": "StatefulSet", "metadata": {"namespace": "crawls", "name": "s"}}
METADATA = {"uid": b.UID, "resourceVersion": "10"}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda c: c.get("CrawlJob", "crawls", "books"),
            ("GET", f"{JOBS}/books", {}, JSON, None),
        ),
        (
            lambda c: c.get("Secret", "crawls", "books-redis"),
            ("GET", "/api/v1/namespaces/crawls/secrets/books-redis", {}, JSON, None),
        ),
        (
            lambda c: c.list("Pod", "crawls", "a=b,c=d"),
            ("GET", "/api/v1/namespaces/crawls/pods", {"labelSelector": "a=b,c=d"}, JSON, None),
        ),
        (
            lambda c: c.apply(SERVICE),
            ("PATCH", "/api/v1/namespaces/crawls/services/s", {**OURS, "force": "true"}, APPLY, SERVICE),
        ),
        (
            lambda c: c.apply(STATEFULSET),
            ("PATCH", "/apis/apps/v1/namespaces/crawls/statefulsets/s", {**OURS, "force": "true"}, APPLY, STATEFULSET),
        ),
        (
            lambda c: c.create(SERVICE),
            ("POST", "/api/v1/namespaces/crawls/services", OURS, JSON, SERVICE),
        ),
        (
            lambda c: c.merge_patch("CrawlJob", "crawls", "books", {"metadata": {"finalizers": []}}),
            ("PATCH", f"{JOBS}/books", OURS, MERGE, {"metadata": {"finalizers": []}}),
        ),
        (
            lambda c: c.patch_status(b.job(), {"phase": "Running"}),
            ("PATCH", f"{JOBS}/books/status", OURS, MERGE, {"metadata": METADATA, "status": {"phase": "Running"}}),
        ),
        (
            lambda c: c.delete("CrawlJob", "crawls", "books", uid=b.UID),
            (
                "DELETE",
                f"{JOBS}/books",
                {},
                JSON,
                {"propagationPolicy": "Background", "preconditions": {"uid": b.UID}},
            ),
        ),
        (
            lambda c: c.delete("Pod", "crawls", "p", grace_seconds=0),
            (
                "DELETE",
                "/api/v1/namespaces/crawls/pods/p",
                {},
                JSON,
                {"propagationPolicy": "Background", "gracePeriodSeconds": 0},
            ),
        ),
    ],
)
async def test_requests(server, call, expected):
    api, cluster = server
    await call(cluster)
    assert api.requests == [expected]


@pytest.mark.parametrize(
    ("status", "error"), [(404, Gone), (409, Conflict), (403, KubeError), (422, KubeError), (500, KubeError)]
)
async def test_what_an_error_becomes(server, status, error):
    api, cluster = server
    api.status, api.answer = status, {"kind": "Status", "message": "its own words"}
    with pytest.raises(error, match="its own words") as raised:
        await cluster.get("CrawlJob", "crawls", "books")
    if error is KubeError:
        assert raised.value.status == status
        assert f"GET {JOBS[1:]}/books: {status}" in str(raised.value)


@pytest.mark.parametrize("status", [404, 409])
async def test_deleting_what_is_gone_or_another_is_no_error(server, status):
    api, cluster = server
    api.status, api.answer = status, {"message": "no"}
    await cluster.delete("CrawlJob", "crawls", "books", uid=b.UID)
    api.status = 403
    with pytest.raises(KubeError):
        await cluster.delete("CrawlJob", "crawls", "books", uid=b.UID)


async def test_an_event(server):
    api, cluster = server
    await cluster.record(b.job(), NOTE)
    ((method, path, query, _, body),) = api.requests
    assert (method, path, query) == ("POST", "/api/v1/namespaces/crawls/events", OURS)
    assert body["involvedObject"]["uid"] == b.UID
    assert (body["type"], body["reason"], body["message"]) == ("Warning", "ImagePullFailed", "not found")
    assert body["metadata"]["name"].startswith("books.")


@pytest.mark.parametrize("status", [403, 404, 409, 500])
async def test_an_event_that_is_refused_is_only_logged(server, status):
    api, cluster = server
    api.status, api.answer = status, {"message": "no"}
    await cluster.record(b.job(), NOTE)
    assert len(api.requests) == 1


async def test_why_a_claim_is_not_bound(server):
    api, cluster = server
    api.answer = {
        "items": [
            {"reason": "ProvisioningFailed", "message": "second", "lastTimestamp": b.stamp(1)},
            {"reason": "FailedBinding", "message": "first", "lastTimestamp": b.stamp(9)},
            {"reason": "ExternalProvisioning", "message": "not a trouble", "lastTimestamp": b.stamp(0)},
            {"reason": "ProvisioningFailed", "message": "third", "eventTime": b.stamp(0)},
        ]
    }
    assert await cluster.claim_troubles("crawls", "data-books-redis-0") == ["first", "second", "third"]
    assert api.requests[0][2]["fieldSelector"].endswith("involvedObject.name=data-books-redis-0")


@pytest.mark.parametrize("skew", [3600, -3600])
async def test_time_is_the_api_servers(server, monkeypatch, skew):
    api, cluster = server
    here = kube.time.time()
    assert cluster.now() == pytest.approx(here, abs=5)
    api.date = here + skew
    await cluster.list("Pod", "crawls", "a=b")
    assert cluster.now() == pytest.approx(here + skew, abs=5)
    api.date = kube.time.time()
    await cluster.list("Pod", "crawls", "a=b")
    assert cluster.now() == pytest.approx(here, abs=5)


async def test_an_api_server_that_is_away():
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{free_port()}"
    cluster = KubeCluster(client.ApiClient(configuration))
    try:
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await asyncio.wait_for(cluster.get("Pod", "crawls", "p"), 5)
    finally:
        await cluster.close()


async def test_where_the_configuration_comes_from(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    context = {"context": {"cluster": "c", "user": "u"}, "name": "x"}
    cluster = {"cluster": {"server": "http://127.0.0.1:1"}, "name": "c"}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [context]}
    file = tmp_path / "config"
    file.write_text(json.dumps({**config, "clusters": [cluster], "users": [{"name": "u", "user": {}}]}))
    monkeypatch.setattr(kube.config, "load_kube_config", lambda **kw: _load(file, **kw))
    configuration = await kube.load_configuration()
    assert configuration.host == "http://127.0.0.1:1"


_original = kube.config.load_kube_config


async def _load(file, **kwargs):
    await _original(config_file=str(file), **kwargs)
