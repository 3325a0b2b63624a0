"""What the watches showed, kept."""

from crawlfleet.cache import Cache, job_uid
from tests import builders as b

KEY = ("crawls", "books")


def version(job, number, **metadata):
    return b.merged(job.body, {"metadata": {"resourceVersion": str(number), **metadata}})


def test_a_stale_job_is_ignored():
    cache = Cache()
    cache.put_job(version(b.job(), 10))
    assert cache.put_job(version(b.job(), 9)).resource_version == "10"
    assert cache.put_job(version(b.job(), 100)).resource_version == "100", "versions are numbers"
    assert cache.job(KEY).resource_version == "100"


def test_a_new_job_of_the_same_name_counts_whatever_its_version():
    cache = Cache()
    cache.put_job(version(b.job(), 10))
    assert cache.put_job(version(b.job(uid="other"), 3)).uid == "other"


def test_a_job_is_dropped_by_its_uid():
    cache = Cache()
    cache.put_job(b.job().body)
    assert not cache.drop_job(KEY, "other")
    assert len(cache) == 1
    assert cache.drop_job(KEY, b.UID)
    assert not cache.drop_job(KEY, b.UID)
    assert (len(cache), list(cache.jobs()), cache.job(KEY)) == (0, [], None)


def test_children_are_found_by_job_and_role():
    cache, job = Cache(), b.job()
    parts = b.children(job, 3)
    worker, redis = b.pod(job, "w", state=b.running()), b.pod(job, "r", component="redis")
    for child in (parts.deployment, parts.statefulset, parts.service, worker, redis):
        cache.put_child(child)
    cache.put_child(b.pod(b.job(uid="another"), "x"))
    found = cache.children(job, secret_exists=True)
    assert found.replicas == 3
    assert found.statefulset["spec"] == parts.statefulset["spec"]
    assert found.service["kind"] == "Service"
    assert [pod["metadata"]["uid"] for pod in found.worker_pods] == ["w"]
    assert [pod["metadata"]["uid"] for pod in found.redis_pods] == ["r"]
    assert found.secret_exists


def test_children_are_trimmed():
    cache, job = Cache(), b.job()
    pod = b.merged(b.pod(job, state=b.running()), {"spec": {"containers": [1]}, "status": {"podIP": "10.0.0.1"}})
    pod["metadata"]["managedFields"] = [{}]
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    cache.put_child(pod)
    cache.put_child(b.deployment(job, 2))
    found = cache.children(job, secret_exists=False)
    (kept,) = found.worker_pods
    assert kept["spec"] == {}
    assert kept["status"].keys() == {"phase", "containerStatuses"}
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["annotations"] == {"a": "b"}
    assert found.deployment["spec"] == {"replicas": 2}
    assert found.deployment["status"]["replicas"] == 2


def test_a_stale_child_is_ignored():
    cache, job = Cache(), b.job()
    cache.put_child(b.deployment(job, 2))
    older = b.merged(b.deployment(job, 7), {"metadata": {"resourceVersion": "4"}})
    cache.put_child(older)
    assert cache.children(job, secret_exists=False).replicas == 2


def test_nothing_is_left_of_a_job_and_its_children():
    cache, job = Cache(), b.job()
    pod = b.pod(job)
    cache.put_job(job.body)
    cache.put_child(pod)
    cache.drop_job(KEY, job.uid)
    cache.put_child(pod)  # a pod on its way out still changes
    cache.drop_child(pod)
    assert cache._children == {}
    cache.drop_child(pod)


def test_an_object_without_our_label_belongs_to_nobody():
    assert job_uid({"metadata": {}}) == ""
