"""An operator that is killed in mid-crawl: the same end, and nothing wrongly deleted."""

import random
import time

from cluster.run import wait_until
from tests.api.job_set import JobSet
from tests.api.stage import Stage

pytest_plugins = ["tests.api.operator_fixtures"]

KILLS = 3


def begin(stage: Stage) -> JobSet:
    """Jobs with an operator of their own, which is killed at seeded moments of their crawls."""
    moments = random.Random(3)
    operator = stage.start_operator("killed", "killed")
    jobs = JobSet(stage.scene(operator), "killed")
    jobs.create()
    for _ in range(KILLS):
        until = time.monotonic() + moments.uniform(0.1, 2.0)
        wait_until(lambda until=until: time.monotonic() > until, "a seeded moment", timeout=5)  # type: ignore[misc]
        operator.kill()
        operator.start()
    return jobs


def test_a_killed_operator_goes_on_where_it_was(stage: Stage, begun: JobSet) -> None:
    begun.assert_ended_well()
    assert [str(write) for write in begun.scene.operator.writes() if write.verb.startswith("delete")] == []
    stage.leave(begun.scene)
