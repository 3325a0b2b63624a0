"""The stages of tests/run and .ci/run: a failure is kept, a hung one ends whole and in time."""

import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(script: str, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    text = f"set -uo pipefail\n. {ROOT}/tests/stages.sh\n{script}"
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=seconds, check=False)


def gone(pid_file: Path) -> bool:
    """Await the end of the process (a zombie is ended)."""
    stat = Path("/proc", pid_file.read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_failure_is_kept_and_the_next_stage_still_runs():
    done = bash("stage one 5 false\nstage two 5 true\nprint_stages\necho ${#failed[@]}")
    assert "one                0 s  failed (1)" in done.stdout
    assert "two                0 s  passed" in done.stdout
    assert done.stdout.endswith("failed: one\n1\n")


def test_a_stage_returns_what_its_command_did():
    assert bash("stage one 5 sh -c 'exit 7'").returncode == 7


def test_a_hung_stage_ends_in_time_with_its_children(tmp_path):
    begin = time.monotonic()
    done = bash(f"stage slow 1 sh -c 'sleep 60 & echo $! >{tmp_path}/child; wait'\nprint_stages")
    assert time.monotonic() - begin < 10
    assert "timed out after 1 s" in done.stdout
    assert gone(tmp_path / "child")


def test_a_stage_reads_no_input():
    assert bash("stage one 5 sh -c 'read -r line'").returncode == 1


@pytest.mark.parametrize("run", ["slow", "side_by_side slow"], ids=["stage", "lane"])
def test_who_is_told_to_stop_takes_what_runs_along(tmp_path, run):
    slow = f"slow() {{ stage slow 60 sh -c 'echo $$ >{tmp_path}/child; sleep 60'; }}"
    script = f"trap 'stop_stage; exit 130' TERM\n{slow}\n{run}"
    process = subprocess.Popen(["bash", "-c", f". {ROOT}/tests/stages.sh\n{script}"])
    try:
        deadline = time.monotonic() + 10
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        assert process.wait(10) == 130
        assert gone(tmp_path / "child")
    finally:
        process.kill()
        process.wait(10)


def test_lanes_run_at_the_same_time_and_keep_every_result(tmp_path):
    meet = f"until [ -e {tmp_path}/$1 ]; do sleep 0.02; done"  # each lane ends only when the other has begun
    script = f"""
left() {{ stage one 9 bash -c 'touch {tmp_path}/left; {meet}' - right; stage two 9 sh -c 'echo seen; exit 3'; }}
right() {{ stage three 9 bash -c 'touch {tmp_path}/right; {meet}' - left; }}
stage zero 9 false
side_by_side left right
print_stages
"""
    done = bash(script)
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == [
        *("zero", "one", "two", "three")
    ]
    assert "\nseen\n<== two: failed (3)" in done.stdout
    assert done.stdout.endswith("failed: zero two\n")


def test_a_lane_that_is_killed_has_failed():
    done = bash("left() { kill -KILL $BASHPID; }\nside_by_side left\nprint_stages")
    assert done.stdout.endswith("failed: left\n")


@pytest.mark.parametrize("script", ["tests/run", ".ci/run", "tests/stages.sh"])
def test_the_scripts_parse(script):
    subprocess.run(["bash", "-n", ROOT / script], check=True, timeout=10)


def test_an_unknown_mode_prints_the_usage():
    done = subprocess.run([ROOT / "tests/run", "all"], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: tests/run quick|node|lint\n")
