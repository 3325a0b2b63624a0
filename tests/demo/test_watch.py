"""Progress: where its numbers come from, what it prints, when it ends and how it fails."""

import io

import pytest

from demo import summary, watch
from demo.errors import DemoError
from demo.judge import Verdict
from demo.watch import Sample

METRICS = """\
# TYPE crawlfleet_crawljob_queued_requests gauge
crawlfleet_crawljob_queued_requests{namespace="crawlfleet-demo",crawljob="docs"} 120.0
crawlfleet_crawljob_queued_requests{namespace="crawlfleet-demo",crawljob="other"} 7.0
crawlfleet_crawljob_queued_requests{namespace="elsewhere",crawljob="docs"} 9.0
# TYPE crawlfleet_crawljob_errors_total counter
crawlfleet_crawljob_errors_total{namespace="crawlfleet-demo",crawljob="docs",kind="http_4xx"} 2.0
crawlfleet_crawljob_errors_total{namespace="crawlfleet-demo",crawljob="docs",kind="timeout"} 1.0
# TYPE crawlfleet_crawljob_requests_done_total counter
crawlfleet_crawljob_requests_done_total{namespace="crawlfleet-demo",crawljob="docs"} 3456.0
# TYPE crawlfleet_crawljob_workers_ready gauge
crawlfleet_crawljob_workers_ready{namespace="crawlfleet-demo",crawljob="docs"} 4.0
"""


def job(phase="Running", conditions=(), **frontier):
    workers = {"ready": 1, "desired": 2}
    return {"status": {"phase": phase, "workers": workers, "frontier": frontier, "conditions": list(conditions)}}


def condition(type_, status, reason, message="words"):
    return {"type": type_, "status": status, "reason": reason, "message": message}


def test_metrics_are_those_of_the_job_with_labels_summed():
    assert watch.read_metrics(METRICS, "docs") == {"queued": 120, "errors": 3, "done": 3456, "ready": 4}
    assert watch.read_metrics("", "docs") == {}


def test_the_status_stands_in_where_metrics_are_silent():
    sample = watch.read_job(job(queued=100, inFlight=5, done=3400), 2.0, {"done": 3456})
    assert (sample.queued, sample.in_flight, sample.done) == (100, 5, 3456)
    assert (sample.ready, sample.desired) == (1, 2)


def test_a_job_without_a_status_yet_is_pending():
    assert watch.read_job({}, 0.0, {}) == Sample(0.0)


def test_a_blocked_job_says_why():
    blocked = condition("Progressing", "False", "ImagePullFailed", "not found")
    sample = watch.read_job(job("Blocked", [blocked]), 1.0, {})
    assert "blocked: ImagePullFailed: not found" in sample.line()
    finished = watch.read_job(job("Complete", [condition("Progressing", "False", "Finished")]), 1.0, {})
    assert "blocked" not in finished.line()


def test_samples_end_with_complete():
    phases = iter([Sample(0.0), Sample(1.0, "Running"), Sample(2.0, "Complete")])
    assert [s.phase for s in watch.samples(lambda: next(phases), 60, lambda _: None)][-1] == "Complete"


@pytest.mark.parametrize(
    ("last", "part"),
    [
        (Sample(5.0, "Failed", failed="ProgressDeadlineExceeded: no image"), "no image"),
        (Sample(61.0, "Running"), "not complete after 60 s"),
    ],
)
def test_a_crawl_that_cannot_end_is_an_error_with_the_next_command(last, part):
    with pytest.raises(DemoError, match=part) as caught:
        list(watch.samples(lambda: last, 60, lambda _: None))
    assert "kubectl describe crawljob" in caught.value.look


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_and_a_file_one_each_two_seconds():
    taken = [Sample(float(n), "Running", done=10 * n) for n in range(7)] + [Sample(7.0, "Complete", done=70)]
    terminal, file = Terminal(), io.StringIO()
    assert watch.show(iter(taken), terminal) == taken
    watch.show(iter(taken), file)
    assert terminal.getvalue().count("\n") == 1
    assert file.getvalue().count("\n") == 5  # 0, 2, 4, 6 s and the end
    assert "   10/s" in file.getvalue()


def test_the_chart_shows_growth_and_the_way_back():
    history = [Sample(0.0), Sample(10.0, ready=1), Sample(20.0, ready=3), Sample(30.0, ready=3), Sample(40.0)]
    rows = list(summary.workers_over_time(history, width=8))
    assert [row.rstrip() for row in rows] == [
        "  3 |    ###",
        "  2 |    ###",
        "  1 |  #####",
        "  0 +--------",
        "     0 s 40 s",
    ]


def test_the_summary_names_counts_and_places(tmp_path):
    verdict = Verdict(reachable=10, fetched=10, pages_by_host={"a.demo-site": 7, "b.demo-site": 3})
    text = "\n".join(
        summary.lines([Sample(0.0, ready=4, killed="docs-1"), Sample(9.0, "Complete")], verdict, ["u", "u"], tmp_path)
    )
    for part in (
        "10 fetched, 10 reachable",
        "a.demo-site",
        "items    2 of 1 pages",
        "items.jsonl",
        "most 4, now 0",
        "killed   docs-1",
    ):
        assert part in text


def away_for(looks: int):
    answers = iter([*[DemoError("connection refused")] * looks, Sample(9.0, "Complete")])

    def take():
        answer = next(answers)
        if isinstance(answer, DemoError):
            raise answer
        return answer

    return take


def test_an_api_server_that_is_away_for_a_moment_is_waited_for():
    assert [s.phase for s in watch.samples(away_for(watch.PATIENCE - 1), 60, lambda _: None)] == ["Complete"]
    with pytest.raises(DemoError, match="connection refused"):
        list(watch.samples(away_for(watch.PATIENCE), 60, lambda _: None))
