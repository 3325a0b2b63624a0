"""One worker process, started by the console script or forked by the zygote: wait for it, stop it, kill it."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

START_SECONDS = 60.0


class Process(Protocol):
    """What the tests do with a worker process."""

    def code(self) -> int | None: ...
    def send(self, number: signal.Signals) -> None: ...


class Script:
    """The console script, started for real."""

    def __init__(self, environment: dict[str, str], folder: Path, log: Path) -> None:
        program = Path(sys.executable).with_name("crawlfleet-worker")
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [program], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def code(self) -> int | None:
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        if self.code() is None:
            self._process.send_signal(number)


class Forked:
    """A worker that the zygote forked."""

    def __init__(self, zygote: "Zygote", pid: int) -> None:
        self._zygote, self._pid = zygote, pid

    def code(self) -> int | None:
        return self._zygote.codes.get(self._pid)

    def send(self, number: signal.Signals) -> None:
        if self.code() is None:
            os.kill(self._pid, number)


class Zygote:
    """The process of `zygote.py`."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self._pids: queue.Queue[int] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.worker.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self, environment: dict[str, str], folder: Path, log: Path) -> Forked:
        """Start one worker."""
        if self._process.stdin is None:
            raise RuntimeError("the zygote has no stdin")
        self._process.stdin.write(json.dumps({"env": environment, "cwd": str(folder), "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return Forked(self, self._pids.get(timeout=START_SECONDS))

    def close(self) -> None:
        """End the zygote."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            message = json.loads(line)
            if "code" in message:
                self.codes[message["pid"]] = message["code"]
            elif "pid" in message:
                self._pids.put(message["pid"])


def wait_for_code(process: Process, seconds: float) -> int | None:
    """Return the exit code, or None if it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while process.code() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process.code()
