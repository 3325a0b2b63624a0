"""One Redis and one nginx for all tests of the room; each test has a job, and so keys, of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.redis import RedisServer, redis_server
from tests.servers.site import NginxSite, TroubleSite, linked_pages, nginx_site, trouble_site
from tests.worker.fleet import Job
from tests.worker.worker_process import Zygote

NewJob = Callable[..., Job]


@pytest.fixture(scope="session")
def redis_for_all() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def nginx() -> Iterator[NginxSite]:
    with nginx_site(linked_pages(120)) as site:
        yield site


@pytest.fixture
def trouble() -> Iterator[TroubleSite]:
    with trouble_site() as site:
        yield site


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    running = Zygote()
    yield running
    running.close()


@pytest.fixture
def new_job(redis_for_all: RedisServer, zygote: Zygote, tmp_path: Path) -> Iterator[NewJob]:
    jobs: list[Job] = []

    def build(server: RedisServer | None = None, **fields: Any) -> Job:
        folder = tmp_path / f"job-{len(jobs)}"
        folder.mkdir()
        jobs.append(Job(server or redis_for_all, folder, **{"zygote": zygote, **fields}))
        return jobs[-1]

    yield build
    for job in jobs:
        job.close()
