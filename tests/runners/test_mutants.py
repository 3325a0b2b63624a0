"""The mutant runner: caught, survived, stale, broken, each told apart, on small trees of their own."""

import subprocess
import textwrap

import pytest

from tests.mutants import __main__ as mutants
from tests.mutants import patches, trees, trial

SOURCE = "def guard(value):\n    if value is None:\n        return 'hold'\n    return value\n"
TEST = """\
from rooms.scaling import guard


def test_it():
    assert guard(None) == 'hold'


def test_other():
    assert guard(1) == 1
"""
CHANGE = """\
--- a/rooms/scaling.py
+++ b/rooms/scaling.py
@@ -1,4 +1,4 @@
 def guard(value):
     if value is None:
-        return 'hold'
+        return 0
     return value
"""
HEAD = "Guards: Unknown is not zero\nTest: tests/test_scaling.py::test_it\n"


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    for name, text in {
        "rooms/scaling.py": SOURCE,
        "tests/test_scaling.py": TEST,
        "conftest.py": "",
        ".gitignore": "*.log\n",
        "huge.log": "x",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        target = tmp_path / "patches"
        target.mkdir(exist_ok=True)
        for name, text in files.items():
            (target / f"{name}.patch").write_text(textwrap.dedent(text))
        return target

    return write


@pytest.mark.parametrize(
    ("patch", "result", "code"),
    [
        (HEAD + CHANGE, "caught", 0),
        (HEAD.replace("test_it", "test_other") + CHANGE, "survived", 1),
        (HEAD + CHANGE.replace("'hold'", "'stale'"), "does not apply", 1),
        (HEAD.replace("test_it", "test_gone") + CHANGE, "not green before", 1),
        (HEAD + CHANGE.replace("return 0", "return ("), "broken, not red", 1),
    ],
)
def test_what_becomes_of_a_mutant(project, folder, capsys, patch, result, code):
    assert mutants.main([], folder(one=patch), project) == code
    out = capsys.readouterr().out
    assert result in out
    assert f"{1 - code} of 1 mutants caught" in out
    assert (project / "rooms/scaling.py").read_text() == SOURCE


def test_the_copy_is_whole_again_after_each_mutant(project, folder, capsys):
    assert mutants.main([], folder(one=HEAD + CHANGE, two=HEAD + CHANGE), project) == 0
    assert "2 of 2 mutants caught" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("patch", "part"),
    [
        (CHANGE, "Guards"),
        ("Guards: x\n" + CHANGE, "Test"),
        ("Guards: \nTest: t\n" + CHANGE, "Guards"),
        (HEAD, "no diff"),
    ],
)
def test_a_patch_file_that_says_too_little_is_refused_by_name(folder, project, capsys, patch, part):
    assert mutants.main([], folder(one=patch), project) == 2
    error = capsys.readouterr().err
    assert "one.patch" in error
    assert part in error


def test_no_mutant_at_all_is_no_success(folder, project, capsys):
    assert mutants.main([], folder(), project) == 2
    assert mutants.main(["other"], folder(one=HEAD + CHANGE), project) == 2


def test_the_copy_leaves_out_what_git_ignores_and_is_gone_afterwards(project):
    with trees.copied(project) as tree:
        assert (tree.root / "rooms/scaling.py").exists()
        assert not (tree.root / "huge.log").exists()
    assert not tree.root.exists()


def test_a_test_that_never_ends_counts_as_red(project, monkeypatch):
    (project / "tests/test_slow.py").write_text("def test_it():\n    import time\n    time.sleep(60)\n")
    with trees.copied(project) as tree:
        code, said = tree.test("tests/test_slow.py", seconds=3)
    assert (code, said) == (trial.PYTEST_RED, "no end in 3 s")


def test_every_patch_of_the_project_can_be_read():
    for mutant in patches.read_all(mutants.FOLDER):
        assert (mutants.ROOT / mutant.test.partition("::")[0]).exists(), mutant.name
