"""Does the runner of Scrapy's own tests see what no longer passes?"""

import json

import pytest

from crawlfleet_worker.fast.rooms import ROOMS
from tests.upstream import __main__ as upstream
from tests.upstream import results, suite

JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.test_a.TestA" name="test_passes"/>
<testcase classname="tests.test_a.TestA" name="test_fails"><failure message="no"/></testcase>
<testcase classname="tests.test_a.TestA" name="test_fails_to_clean_up"/>
<testcase classname="tests.test_a.TestA" name="test_fails_to_clean_up"><error message="no"/></testcase>
<testcase classname="tests.test_a" name="test_skipped[1]"><skipped/></testcase>
</testsuite></testsuites>"""


def test_outcomes_are_read_by_test(tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(JUNIT)
    assert results.read(report) == {
        "tests.test_a.TestA::test_passes": "passed",
        "tests.test_a.TestA::test_fails": "failed",
        "tests.test_a.TestA::test_fails_to_clean_up": "failed",
        "tests.test_a::test_skipped[1]": "skipped",
    }
    assert results.counted(results.read(report)) == "1 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize("ours", ["failed", "skipped", None])
def test_what_passed_and_does_not_any_more_is_named(ours):
    stock = {"a": "passed", "b": "passed", "c": "failed", "d": "skipped"}
    with_ours = {"a": "passed", "c": "passed", "d": "failed"} | ({"b": ours} if ours else {})
    assert results.no_longer_passed(stock, with_ours) == ["b"]


EVERY_ROOM = dict.fromkeys(ROOMS, 1)


def outcome_of(monkeypatch, tmp_path, ours, exceptions, used) -> int:
    def run(_interpreter, _tests, report, *, proxy, fast):
        assert proxy == "mitmdump"
        report.with_suffix(".xml.used").write_text(json.dumps(used))
        return {"t": ours if fast else "passed"}

    monkeypatch.setattr(suite, "cache", lambda: tmp_path)
    monkeypatch.setattr(suite, "python", lambda _folder: None)
    monkeypatch.setattr(suite, "sdist", lambda _folder, _interpreter: None)
    monkeypatch.setattr(suite, "mitmdump", lambda _folder, _interpreter: "mitmdump")
    monkeypatch.setattr(suite, "run", run)
    monkeypatch.setattr(upstream, "EXCEPTIONS", exceptions)
    return upstream.main()


@pytest.mark.parametrize(
    ("ours", "exceptions", "code"),
    [("passed", {}, 0), ("failed", {}, 1), ("failed", {"t": "because"}, 0), ("passed", {"t": "because"}, 1)],
)
def test_only_a_known_exception_may_fail_and_none_stays_for_nothing(monkeypatch, tmp_path, ours, exceptions, code):
    assert outcome_of(monkeypatch, tmp_path, ours, exceptions, EVERY_ROOM) == code


def test_a_fast_path_that_was_never_in_place_is_told(monkeypatch, tmp_path, capsys):
    used = {room: 1 for room in ROOMS if room != "CHAIN"}
    assert outcome_of(monkeypatch, tmp_path, "passed", {}, used) == 1
    assert "never: CHAIN" in capsys.readouterr().out


def test_the_locked_scrapy_is_the_one_of_the_worker():
    pinned = suite.locked("scrapy")
    assert pinned.startswith("scrapy==")
    assert pinned.count("--hash=sha256:") >= 1
    assert pinned in (suite.ROOT / "requirements/worker.txt").read_text()
