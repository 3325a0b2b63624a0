"""A job and its workers, as the operator would run them: keys prepared, environment set, processes of their own."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from crawlfleet_frontier import JobKeys, Snapshot, commands
from crawlfleet_frontier.snapshot import read_snapshot
from tests.servers.redis import RedisServer
from tests.worker.worker_process import Process, Script, Zygote, wait_for_code

PROJECT = Path(__file__).parent / "project"
AWAIT_SECONDS = 90.0


def wait_until(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = AWAIT_SECONDS) -> None:
    """Wait until `condition` is true; Redis away counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"{seconds} s passed and not yet: {what() if callable(what) else what}")
        time.sleep(0.05)


@dataclass
class Worker:
    """One worker process."""

    process: Process
    termination_log: Path
    log_file: Path

    @property
    def message(self) -> str:
        return self.termination_log.read_text().strip() if self.termination_log.exists() else ""

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def runs(self) -> bool:
        return self.process.code() is None

    def wait(self, seconds: float = AWAIT_SECONDS) -> int:
        code = wait_for_code(self.process, seconds)
        if code is None:
            raise AssertionError(f"the worker still runs after {seconds} s:\n{self.log[-4000:]}")
        return code

    def terminate(self) -> None:
        self.process.send(signal.SIGTERM)

    def drain(self, seconds: float = AWAIT_SECONDS) -> int:
        self.terminate()
        return self.wait(seconds)

    def kill(self) -> None:
        self.process.send(signal.SIGKILL)
        wait_for_code(self.process, 10)


@dataclass
class Job:
    """One CrawlJob's worth of keys, and the workers started for it."""

    server: RedisServer
    folder: Path
    spider: str = "follow"
    arguments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    seeds: dict[str, str] = field(default_factory=lambda: {"type": "Spider"})
    grace_seconds: int = 10
    project: Path = PROJECT
    redis_url: str = ""
    zygote: Zygote | None = None
    """What forks the workers; without it the console script is started."""
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.server.client()

    @property
    def keys(self) -> JobKeys:
        return JobKeys(self.uid)

    def prepare(self, urls: Iterable[str] = (), state: commands.SeedState | None = None) -> "Job":
        seed_state: commands.SeedState = state or ("unseeded" if self.seeds["type"] == "Spider" else "seeded")
        self.run(commands.prepare(self.keys, seed_state, urls))
        return self

    def run(self, call: commands.Call) -> Any:
        return self.client.eval(*call.arguments())  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        return {
            "CRAWLFLEET_JOB_UID": self.uid,
            "CRAWLFLEET_JOB_NAME": "books",
            "CRAWLFLEET_NAMESPACE": "default",
            "CRAWLFLEET_POD_UID": f"pod-{len(self.workers)}",
            "CRAWLFLEET_REDIS_URL": self.redis_url or self.server.url,
            "CRAWLFLEET_ENGINE": "ScrapyRedis",
            "CRAWLFLEET_SPIDER": self.spider,
            "CRAWLFLEET_SPIDER_ARGUMENTS": json.dumps(self.arguments),
            "CRAWLFLEET_SPIDER_SETTINGS": json.dumps(self.settings),
            "CRAWLFLEET_SEEDS": json.dumps(self.seeds),
            "CRAWLFLEET_GRACE_SECONDS": str(self.grace_seconds),
        }

    def start(self, without: str = "", **environment: str) -> Worker:
        """Start one more worker; `without` leaves a variable out."""
        number = len(self.workers)
        log, termination = self.folder / f"worker-{number}.log", self.folder / f"termination-{number}"
        values = {**os.environ, **self.environment(), "CRAWLFLEET_TERMINATION_LOG": str(termination), **environment}
        values.pop(without, None)
        launch = Script if self.zygote is None else self.zygote.fork
        process = launch(values, self.project, log)
        worker = Worker(process, termination, log)
        self.workers.append(worker)
        return worker

    def snapshot(self) -> Snapshot:
        start_urls = self.seeds.get("key")
        return read_snapshot(self.run(commands.snapshot(self.keys, start_urls)))

    def idle(self) -> bool:
        """Whether all is seeded, and nothing queued or in flight, by the workers' own words."""
        look = self.snapshot()
        beats_are_fresh = all(beat.age_seconds <= 2 for beat in look.workers)
        at_rest = not (look.queued or look.start_urls or look.in_flight)
        return look.seeded and look.started and at_rest and beats_are_fresh

    def wait_until_idle(self, seconds: float = AWAIT_SECONDS) -> Snapshot:
        """Wait until it stays idle over two beats of every worker, as the operator does."""
        since: list[float] = []

        def quiet() -> bool:
            if not self.idle():
                since.clear()
                return False
            since.append(time.monotonic())
            return since[-1] - since[0] > 1.3

        wait_until(quiet, lambda: f"the crawl is idle; now {self.snapshot()}\n{self.logs()}", seconds)
        return self.snapshot()

    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.client.lrange(self.keys.items, 0, -1)]

    def logs(self) -> str:
        return "\n".join(worker.log[-2500:] for worker in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
