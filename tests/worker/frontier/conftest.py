"""Jobs with `engine: Frontier`, each with keys of its own on the Redis of all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.redis import RedisServer
from tests.worker.frontier.jobs import FrontierJob
from tests.worker.worker_process import Zygote

NewFrontierJob = Callable[..., FrontierJob]


@pytest.fixture
def frontier_job(redis_for_all: RedisServer, zygote: Zygote, tmp_path: Path) -> Iterator[NewFrontierJob]:
    jobs: list[FrontierJob] = []

    def build(server: RedisServer | None = None, **fields: Any) -> FrontierJob:
        folder = tmp_path / f"frontier-job-{len(jobs)}"
        folder.mkdir()
        jobs.append(FrontierJob(server or redis_for_all, folder, **{"zygote": zygote, **fields}))
        return jobs[-1]

    yield build
    for job in jobs:
        job.close()
