"""Workers without the wait for their imports: a process that has imported everything, and forks one worker a request.

Each worker is a process of its own with its own environment, folder and log, and runs the same `main()` as the
console script, which `test_worker_exits.py` starts for real. It saves more than a second of CPU for each.

Protocol, a JSON line each way on stdin and stdout: {"env", "cwd", "log"} → {"pid"}; later {"pid", "code"} for its end.
"""

import json
import os
import select
import signal
import sys

import crawlfleet_worker.generic
import crawlfleet_worker.process  # noqa: F401 - what takes the time
from crawlfleet_worker.__main__ import main


def serve() -> None:
    """Fork workers until stdin ends, and tell of their ends."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    say({"ready": True})
    while True:
        ready, _, _ = select.select([sys.stdin.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            reap()
        if sys.stdin.fileno() in ready:
            line = sys.stdin.readline()
            if not line:
                return
            say({"pid": fork(**json.loads(line))})


def fork(env: dict[str, str], cwd: str, log: str) -> int:
    """Start one worker and return its process id."""
    pid = os.fork()
    if pid:
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        code = main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def reap() -> None:
    """Tell of each worker that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def say(message: dict[str, object]) -> None:
    """Write one line to whoever started us."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
