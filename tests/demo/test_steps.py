"""The demo's own judgement of a run, the example it applies, and the faults it can plant."""

import json
import shlex

import pytest
import yaml

from demo import __main__ as command
from demo import content, crawl, judge, run, steps
from demo.errors import DemoError
from demo.judge import Verdict
from demo.kills import Kills
from demo.watch import Sample

GOOD = Verdict(reachable=2, fetched=2, with_content=2)
HISTORY = [Sample(1.0, "Running", ready=4), Sample(9.0, "Complete")]


@pytest.fixture
def items(tmp_path):
    def write(count: int, twice: int = 0):
        file = tmp_path / "items.jsonl"
        numbers = [*range(count), *range(twice)]
        file.write_text("".join(json.dumps({"url": f"http://a/{n}", "t": "\u2028"}) + "\n" for n in numbers))
        return file

    return write


def test_a_good_run_has_no_faults(items):
    assert list(steps.faults(HISTORY, GOOD, items(2))) == []


def test_a_page_fetched_again_after_a_kill_may_have_two_items(items):
    assert list(steps.faults(HISTORY, GOOD, items(2, twice=1))) == []


@pytest.mark.parametrize(
    ("history", "verdict", "count", "part"),
    [
        (HISTORY, Verdict(2, 1, 2, missing=("http://a/b",)), 2, "reachable but not crawled"),
        (HISTORY, Verdict(2, 3, 2, extra=("http://a/b",)), 2, "crawled but not reachable"),
        (HISTORY[1:], GOOD, 2, "never grew"),
        (HISTORY, Verdict(3, 3, with_content=3), 2, "items of 2 different pages, 3 pages"),
        ([*HISTORY, Sample(9.0, "Complete")], GOOD, 0, "items of 0 different pages"),
    ],
)
def test_each_fault_is_named(items, history, verdict, count, part):
    assert part in "\n".join(steps.faults(history, verdict, items(count)))


def test_the_example_is_what_the_judge_is_told():
    example = crawl.load()
    assert example.rules.hosts == {book.host for book in content.BOOKS}
    assert len(example.rules.seeds) == len(content.BOOKS)
    assert all(example.rules.host_allowed(seed) for seed in example.rules.seeds)
    assert example.rules.follows("http://handbook.demo-site/en-US/a.html#b")
    assert not example.rules.follows("http://handbook.demo-site/en-US/a.png")


def test_what_is_applied_has_the_image_and_a_restricted_namespace():
    namespace, config, job = crawl.load().documents("registry/worker:1")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert config["metadata"]["namespace"] == job["metadata"]["namespace"] == namespace["metadata"]["name"]
    assert job["spec"]["image"] == "registry/worker:1"


def test_an_extra_page_is_planted_in_the_crawl_and_unknown_to_the_judge():
    example = crawl.load()
    job = example.documents("image", "extra")[-1]
    assert crawl.PLANTED_SEED in job["spec"]["seeds"]["inline"]["urls"]
    assert crawl.PLANTED_SEED not in example.rules.seeds


def test_a_missing_page_is_planted_in_the_crawl_and_unknown_to_the_judge():
    example = crawl.load()
    config = example.documents("image", "missing")[1]
    follow = yaml.safe_load(config["data"][crawl.RULES_KEY])["follow"]
    assert follow[0]["deny"] == crawl.PLANTED_DENIAL
    assert (follow[0]["allow"],) == example.rules.allow
    assert example.rules.follows("http://python-docs.demo-site/about.html")


@pytest.mark.parametrize("text", ["kind: CrawlJob\n", "", "kind: ConfigMap\n---\nkind: Job\n"])
def test_an_example_that_is_not_both_documents_is_refused(tmp_path, text):
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(DemoError, match="one ConfigMap and one CrawlJob"):
        crawl.load(tmp_path / "job.yaml")


def test_a_failed_demo_exits_1_with_the_reason_and_the_next_command(monkeypatch, capsys):
    def broken(plant):
        raise DemoError(f"planted {plant} was found", "kubectl describe crawljob")

    monkeypatch.setattr(run, "demo", broken)
    assert command.main(["run", "--plant", "extra"]) == 1
    error = capsys.readouterr().err
    assert "planted extra was found" in error
    assert "look: kubectl describe crawljob" in error


def test_workers_that_stay_after_the_end_are_an_error(monkeypatch):
    monkeypatch.setattr(steps.watch, "look", lambda *_: Sample(next(clock), "Complete", ready=1))
    monkeypatch.setattr(steps.time, "sleep", lambda _: None)
    clock = iter(float(n) for n in range(0, 1000, 10))
    with pytest.raises(DemoError, match="workers stay"):
        steps.follow(None, "docs", Kills(None, "docs"))


def test_the_next_command_judges_the_same_again(tmp_path, capsys):
    rules = judge.Rules(("http://a/",), frozenset({"a"}), (r"(/|\.html)([?#]|$)",))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<a href="x.html"><a href="y.txt">')
    log = [{"method": "GET", "host": "a", "uri": uri, "status": code} for uri, code in (("/", 200), ("/x.html", 404))]
    (tmp_path / "access.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log))
    words = shlex.split(run.by_hand(rules, tmp_path, tmp_path))
    assert words[:3] == ["python", "-m", "demo.judge"]
    assert judge.main(words[3:]) == 0


class RecordingKube:
    def __init__(self):
        self.calls = []

    def run(self, *arguments, **_):
        self.calls.append(arguments)
        return "crawljobs.crawlfleet.io\n"

    def install(self, *arguments, **_):
        self.calls.append(arguments)


def test_clean_takes_the_job_before_its_operator():
    kube = RecordingKube()
    run.clean(kube)
    verbs = [(call[0], call[1]) for call in kube.calls if call[0] != "api-resources"]
    assert verbs == [
        ("delete", "crawljob"),
        ("delete", "namespace"),
        ("delete", "namespace"),
        ("uninstall", "crawlfleet"),
    ]
