"""Is every host's pace kept by a fleet, as its server sees it? 20,000 gaps; `make evidence-pace` has a million."""

from dataclasses import replace

import pytest

from benchmarks.pace.cells import cell
from benchmarks.pace.crews import crew, fill
from benchmarks.pace.judge import judging
from benchmarks.pace.verdict import Rule, by_host, judge
from tests.servers.kinds import frontier_server
from tests.worker.fleet import wait_until
from tests.worker.frontier.jobs import FrontierJob

AWAIT_SECONDS = 240.0
CELLS = [
    pytest.param(cell("client", 4, 50, 1), 10_500, id="four plain workers, 50 ms"),
    pytest.param(cell("client", 8, 50, 4), 8_500, id="eight plain workers, 50 ms, four open"),
    pytest.param(replace(cell("scrapy", 2, 50, 1), hosts=20), 1_000, id="two Scrapy workers, 50 ms"),
]


@pytest.mark.parametrize(("chosen", "gaps"), CELLS)
def test_no_gap_is_below_the_delay_and_no_more_are_open_than_allowed(chosen, gaps, tmp_path):
    with frontier_server("redis") as server, judging(chosen.pauses_ms, chosen.queued) as court:
        job = FrontierJob(server, tmp_path)
        fill(job, chosen, court.port)
        with crew(job, chosen, court.port):
            wait_until(
                lambda: job.number("done") >= gaps + chosen.hosts, lambda: f"{gaps} gaps: {job.look()}", AWAIT_SECONDS
            )
        assert job.number("dead") == 0
    rule = Rule(chosen.delay_ms * 1000, chosen.open_requests)
    verdict = judge(by_host(court.arrivals()), rule, (0, 0))
    assert verdict.gaps >= gaps
    assert verdict.over_limit == 0
    assert verdict.most_open == chosen.open_requests
    assert chosen.open_requests > 1 or verdict.short == []
