"""The closing line counts every stage's report, and a run without tests is no success."""

import subprocess
import sys

import pytest

from tests import closing

SUITE = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


@pytest.fixture
def reports(tmp_path):
    def write(*suites):
        for number, suite in enumerate(suites):
            file = tmp_path / f"stage{number}" / "report.xml"
            file.parent.mkdir()
            file.write_text(suite if isinstance(suite, str) else SUITE.format(*suite))
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("suites", "line", "code"),
    [
        ([(3, 0, 0, 1), (4, 0, 0, 0)], "6 passed, 0 failed, 1 skipped", 0),
        ([(3, 1, 1, 0)], "1 passed, 2 failed, 0 skipped", 1),
        ([], "0 passed, 0 failed, 0 skipped", 1),
        ([(2, 0, 0, 2)], "0 passed, 0 failed, 2 skipped", 1),
        ([(2, 0, 0, 0), "<testsuites><torn"], "2 passed, 1 failed, 0 skipped", 1),
    ],
)
def test_the_line_and_the_exit_code(reports, capsys, suites, line, code):
    assert closing.main([str(reports(*suites))]) == code
    assert capsys.readouterr().out == f"{line}\n"


def test_a_report_as_pytest_writes_it(tmp_path):
    test = tmp_path / "test_it.py"
    test.write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): assert False\n"
        "@pytest.fixture\ndef broken(): raise ValueError\n"
        "def test_c(broken): pass\n"
        "@pytest.mark.skip\ndef test_d(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, "-c", "/dev/null", test]
    subprocess.run([*command, f"--junitxml={tmp_path}/out.xml"], check=False, capture_output=True, timeout=60)
    assert str(closing.total([tmp_path])) == "1 passed, 2 failed, 1 skipped"
