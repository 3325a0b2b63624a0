"""Evidence: resumed where it stopped, thrown away when the code changed, and checked."""

import json

import pytest

from benchmarks import evidence, records
from benchmarks.records import Evidence


@pytest.fixture
def root(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("one = 1\n")
    (tmp_path / "docs").mkdir()
    return tmp_path


def study(run=lambda seed: {"pages": seed}, **changes) -> Evidence:
    return Evidence(
        **{
            "name": "kills",
            "question": "How often?",
            "paths": ["src/**/*.py"],
            "seeds": [1, 2, 3],
            "budget_seconds": 60,
            "run": run,
            **changes,
        }
    )


def test_a_run_leaves_a_file_with_all_that_is_promised(root, capsys):
    file = evidence.collect(study(), root)
    content = json.loads(file.read_text())
    assert content["seeds"] == {"1": {"pages": 1}, "2": {"pages": 2}, "3": {"pages": 3}}
    assert {"commit", "machine", "code_hash", "paths", "question"} <= content.keys()
    assert "budget 60 s" in capsys.readouterr().out
    assert list(evidence.check({"kills": study()}, root)) == []


def test_a_broken_run_goes_on_where_it_stopped(root):
    asked = []

    def run(seed):
        asked.append(seed)
        if asked == [1, 2]:
            raise OSError("the machine went away")
        return {}

    with pytest.raises(OSError, match="went away"):
        evidence.collect(study(run), root)
    evidence.collect(study(run), root)
    assert asked == [1, 2, 2, 3]


def test_seeds_of_other_code_are_not_kept(root):
    asked = []

    def run(seed):
        asked.append(seed)
        if len(asked) == 2:
            raise OSError
        return {}

    with pytest.raises(OSError):  # noqa: PT011
        evidence.collect(study(run), root)
    (root / "src" / "code.py").write_text("one = 2\n")
    evidence.collect(study(run), root)
    assert asked == [1, 2, 1, 2, 3]


def test_code_that_changes_during_the_run_spoils_it(root):
    def run(seed):
        (root / "src" / "code.py").write_text(f"one = {seed}\n")
        return {}

    with pytest.raises(RuntimeError, match="changed during the run"):
        evidence.collect(study(run), root)


def test_absent_old_and_unknown_evidence_is_told(root):
    known = {"kills": study()}
    assert list(evidence.check(known, root)) == ["kills: absent; run `make evidence-kills`"]
    evidence.collect(study(), root)
    (root / "src" / "new.py").write_text("")
    assert "the code has changed" in "".join(evidence.check(known, root))
    assert "no study declares it" in "".join(evidence.check({}, root))
    more = {"kills": study(seeds=[1, 2, 3, 4])}
    assert "seeds ['4'] are missing" in "".join(evidence.check(more, root))


def test_evidence_called_outdated_in_the_docs_may_be_old_but_not_absent(root):
    (root / "docs" / "evidence.md").write_text("# Evidence\n\nEvidence kills: outdated, the pace changed\n")
    assert list(evidence.check({"kills": study()}, root)) != []
    evidence.collect(study(), root)
    (root / "src" / "code.py").write_text("changed\n")
    assert list(evidence.check({"kills": study()}, root)) == []


def test_the_hash_sees_names_and_contents_and_refuses_globs_that_fit_nothing(root):
    first = records.code_hash(root, ["src/*.py"])
    (root / "src" / "code.py").rename(root / "src" / "named.py")
    assert records.code_hash(root, ["src/*.py"]) != first
    with pytest.raises(ValueError, match="fits no file"):
        records.code_hash(root, ["nowhere/*.py"])


def test_a_wrong_name_prints_the_usage(capsys):
    assert evidence.main(["no-such-evidence"]) == 2
    assert "usage" in capsys.readouterr().err
