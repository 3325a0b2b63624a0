"""Does a worker that cannot run end with its code, and one line that names cause and mend?"""

import pytest
import scrapy

from tests.servers.redis import redis_server
from tests.worker.fleet import Job, wait_until


def run(job: Job, **options: str) -> tuple[int, str]:
    """Run a worker to its end; one that is started in a special way by the console script itself."""
    if options:
        job.zygote = None
    worker = job.start(**options)
    code = worker.wait()
    return code, worker.message


def project(tmp_path, module: str, settings: str = ""):
    """A Scrapy project whose only spider module is `module`."""
    package = tmp_path / "project" / "broken"
    package.mkdir(parents=True)
    (tmp_path / "project" / "scrapy.cfg").write_text("[settings]\ndefault = broken.settings\n")
    (package / "__init__.py").touch()
    (package / "settings.py").write_text(settings or "SPIDER_MODULES = ['broken.spiders']\n")
    (package / "spiders.py").write_text(module)
    return tmp_path / "project"


def test_64_a_variable_is_missing(new_job):
    code, message = run(new_job(), without="CRAWLFLEET_SEEDS")
    assert (code, message[:16]) == (64, "CRAWLFLEET_SEEDS")


def test_64_a_reserved_setting(new_job):
    code, message = run(new_job(settings={"SCHEDULER": "mine"}))
    assert code == 64
    assert "SCHEDULER is reserved" in message


def test_65_no_such_spider(new_job):
    code, message = run(new_job(spider="bokks", zygote=None))
    assert code == 65
    assert message.startswith(
        "spider 'bokks' not found; this image has: counting, feeding, fifo, follow, gated, generic, "
    )


def test_65_without_a_project_there_is_generic(new_job, tmp_path):
    code, message = run(new_job(spider="books", project=tmp_path))
    assert (code, message) == (65, "spider 'books' not found; this image has: generic")


@pytest.mark.parametrize(
    ("module", "settings", "cause"),
    [
        ("1 / 0\n", "", "ZeroDivisionError: division by zero (broken/spiders.py:1)"),
        ("", "import nowhere\n", "No module named 'nowhere'"),
    ],
    ids=["spider module", "settings module"],
)
def test_66_import_fails(new_job, tmp_path, module, settings, cause):
    code, message = run(new_job(project=project(tmp_path, module, settings)))
    assert code == 66
    assert cause in message


WITH_REACTOR = """
import scrapy
from twisted.internet import reactor

class Follow(scrapy.Spider):
    name = "follow"
"""


@pytest.mark.skipif(scrapy.version_info < (2, 19), reason="before Scrapy 2.19 the worker has a reactor")
def test_66_a_module_wants_the_reactor_where_there_is_none(new_job, tmp_path):
    code, message = run(new_job(project=project(tmp_path, WITH_REACTOR)))
    assert code == 66
    assert "TWISTED_REACTOR_ENABLED = True" in message


def test_a_module_that_wants_the_reactor_gets_it_where_the_project_says_so(new_job, tmp_path):
    settings = "SPIDER_MODULES = ['broken.spiders']\nTWISTED_REACTOR_ENABLED = True\n"
    job = new_job(project=project(tmp_path, WITH_REACTOR, settings)).prepare()
    worker = job.start()
    wait_until(lambda: "Spider opened" in worker.log, "the spider runs")
    assert worker.drain() == 0, worker.log


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"spider": "needs-argument"}, "missing 1 required positional argument: 'category'"),
        ({"settings": {"CONCURRENT_REQUESTS": "many"}}, "CONCURRENT_REQUESTS"),
        ({"settings": {"STATS_CLASS": "no.such.Class"}}, "No module named 'no'"),
    ],
    ids=["argument", "setting", "class"],
)
def test_67_cannot_start(new_job, fields, cause):
    code, message = run(new_job(**fields).prepare())
    assert code == 67
    assert cause in message


def test_68_unknown_scrapy(new_job, tmp_path):
    (tmp_path / "scrapy").mkdir()
    (tmp_path / "scrapy" / "__init__.py").write_text("version_info = (2, 11, 0)\n")
    code, message = run(new_job(), PYTHONPATH=str(tmp_path))
    assert code == 68
    assert message == "Scrapy 2.11.0 is not supported: pin Scrapy to one of 2.17, 2.18, 2.19 in the image"


def test_70_start_raises(new_job):
    job = new_job(spider="start-raises").prepare()
    code, message = run(job)
    assert code == 70
    assert "LookupError: no seeds today" in message
    assert not job.snapshot().seeded


def test_77_wrong_password(new_job):
    with redis_server(password="right") as server:
        job = new_job(server, redis_url=server.url.replace("right", "wrong"))
        code, message = run(job)
    assert code == 77
    assert "WRONGPASS" in message or "password" in message
    assert "wrong@" not in message


def test_77_a_command_is_refused(new_job):
    with redis_server(password="right") as server:
        server.client().execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+ping")
        job = new_job(server, redis_url=f"redis://weak:pw@127.0.0.1:{server.port}")
        code, message = run(job)
    assert code == 77
    assert "permission" in message.lower()


def test_78_another_layout(new_job):
    job = new_job().prepare()
    job.client.hset(job.keys.sentinel, "layout", "scrapy-redis/99")
    code, message = run(job)
    assert code == 78
    assert "'scrapy-redis/99'" in message
    assert job.client.keys(f"*{job.uid}*") == [job.keys.sentinel]


def test_0_stopped_while_it_waits_for_redis(new_job, redis_for_all):
    job = new_job(redis_url="redis://127.0.0.1:1")
    worker = job.start()
    wait_until(lambda: "Redis does not answer" in worker.log, "the worker waits for Redis")
    assert worker.drain() == 0
