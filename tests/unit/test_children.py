"""The objects of a job: what of them must not change, and what they promise."""

import json
from pathlib import Path

import pytest

from crawlfleet import names
from crawlfleet.children import redis as redis_children
from crawlfleet.children import worker as worker_children
from crawlfleet.quantity import parse_bytes
from tests import builders as b

GOLDEN = Path(__file__).parent / "golden"
MESSAGE = (
    "{name} is no longer what it was. An operator upgrade would change this object of every running job, and restart "
    "its pods. If that is wanted, say so in CHANGELOG.md and write the file anew: "
    "python -m tests.unit.test_children"
)

FULL = b.EXTERNAL | {
    "seeds": {"type": "RedisKey", "redisKey": {"key": "books:start_urls"}},
    "imagePullPolicy": "IfNotPresent",
    "imagePullSecrets": [{"name": "ghcr"}],
    "spider": {"name": "books", "arguments": {"category": "travel"}, "settings": {"DOWNLOAD_TIMEOUT": "20"}},
    "workers": {
        "terminationGracePeriodSeconds": 90,
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "env": [{"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "books", "key": "api"}}}],
        "nodeSelector": {"pool": "crawl"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
    },
}
MANAGED = b.job({"redis": {"managed": {"storage": {"size": "5Gi", "className": "fast"}}}})
EXTERNAL = b.job(FULL)
FRONTIER = b.job(b.FRONTIER | {"politeness": {"default": {"delayMilliseconds": 5}}})


def built():
    return {
        "managed-worker": worker_children.deployment(MANAGED, 3),
        "managed-redis": redis_children.statefulset(MANAGED, b.SETTINGS.redis_image, b.SETTINGS.redis_resources),
        "managed-service": redis_children.service(MANAGED),
        "external-worker": worker_children.deployment(EXTERNAL, 1),
        "inline-worker": worker_children.deployment(b.job(b.INLINE), 0),
        "frontier-worker": worker_children.deployment(FRONTIER, 1),
        "frontier-redis": redis_children.statefulset(FRONTIER, b.SETTINGS.redis_image, b.SETTINGS.redis_resources),
    }


def as_text(body):
    return json.dumps(body, indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", sorted(built()))
def test_an_upgrade_changes_no_object_of_a_running_job(name):
    golden = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert as_text(built()[name]) == golden, MESSAGE.format(name=name)


def test_no_golden_file_is_left_over():
    assert {file.stem for file in GOLDEN.glob("*.json")} == set(built())


@pytest.mark.parametrize("name", sorted(built()))
def test_every_child_goes_with_its_job(name):
    body = built()[name]
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("CrawlJob", "books", b.UID)
    assert owner["controller"] is True
    assert body["metadata"]["labels"][names.JOB_UID_LABEL] == b.UID
    assert body["metadata"]["labels"][names.MANAGED_BY_LABEL] == names.MANAGED_BY


@pytest.mark.parametrize("name", ["managed-worker", "managed-redis", "external-worker", "frontier-worker"])
def test_pods_satisfy_the_restricted_standard(name):
    template = built()[name]["spec"]["template"]
    pod = template["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers", "serviceAccountName"}
    assert all(volume.keys() & {"emptyDir", "secret"} for volume in pod["volumes"])
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert not context.keys() & {"privileged", "runAsUser"}
    selector = built()[name]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= template["metadata"]["labels"].items()


def test_the_pods_of_a_mended_spec_can_be_told_from_those_before():
    before = worker_children.template_hash(b.job())
    assert before != worker_children.template_hash(b.job({"image": "registry.example/books:2"}))
    assert before == worker_children.template_hash(b.job({"scaling": {"queue": {"maxReplicas": 3}}}, generation=7))
    labels = worker_children.deployment(b.job(), 1)["spec"]["template"]["metadata"]["labels"]
    assert labels[names.TEMPLATE_LABEL] == before


def test_the_annotation_tells_what_was_applied():
    def applied(replicas, **spec):
        body = worker_children.deployment(b.job(spec), replicas)
        return body["metadata"]["annotations"][names.APPLIED_ANNOTATION]

    assert applied(1) == applied(1)
    assert len({applied(1), applied(2), applied(1, image="registry.example/books:2")}) == 3


def secret(resources):
    return redis_children.secret(MANAGED, "s3cret", resources)


def test_the_secret_of_redis():
    body = secret({"limits": {"memory": "100Mi"}})
    data = body["stringData"]
    assert data["url"] == "redis://:s3cret@books-redis.crawls.svc:6379/0"
    assert data["password"] == "s3cret"
    assert (body["metadata"]["name"], "url") == MANAGED.redis_url_secret
    config = dict(line.split(" ", 1) for line in data["redis.conf"].splitlines())
    assert config == {
        "port": "6379",
        "dir": "/data",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": str(60 * 2**20),
        "maxmemory-policy": "noeviction",
        "requirepass": "s3cret",
    }


def test_the_redis_of_a_frontier_keeps_its_buckets_compact():
    plain, frontier = (
        redis_children.secret(job, "s3cret", {})["stringData"]["redis.conf"] for job in (MANAGED, FRONTIER)
    )
    assert frontier == plain + "hash-max-listpack-value 512\n"


def test_no_pod_is_restarted_for_what_changes_live():
    live = {
        "politeness": {"default": {"delayMilliseconds": 7, "robots": "Ignore"}},
        "retries": {"maxWorkerLosses": 9},
        "maxRequestsPerHost": 5,
        "stopAfter": {"pages": 6},
        "replay": {"token": "1"},
    }
    assert worker_children.template_hash(b.job(b.FRONTIER | live)) == worker_children.template_hash(b.job(b.FRONTIER))


def test_redis_without_a_limit_has_no_maximum():
    assert "maxmemory 0\n" in secret({})["stringData"]["redis.conf"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1073741824", 2**30),
        ("512Mi", 512 * 2**20),
        ("1.5G", 1_500_000_000),
        (".5Ki", 512),
        ("1e9", 10**9),
        ("12E3", 12000),
        ("2Ti", 2 * 2**40),
        ("1P", 10**15),
        ("1Ei", 2**60),
        ("1E", 10**18),
        ("100k", 100_000),
    ],
)
def test_quantities(text, number):
    assert parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "Mi", "abc", "1Kb", "1K", "-1Mi", "nan", "inf", "1 Gi", "1GiB", "0x10", "1e999"])
def test_no_quantities(text):
    with pytest.raises(ValueError, match="is no quantity of memory: write it as 512Mi or 1Gi"):
        parse_bytes(text)


def write_golden():
    """Write the golden files anew."""
    for name, body in built().items():
        (GOLDEN / f"{name}.json").write_text(as_text(body), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
