"""A real redis-server of one's own: a free port, a scratch folder, gone at the end.

with redis_server("--maxmemory", "64mb", password="s3cret", appendonly=True) as server:
    server.client().set("a", 1)
    server.restart()  # SIGTERM and up again on the same port, with its append-only file
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import redis

from tests.servers.ports import free_port

START_SECONDS = 20.0


class RedisServer:
    """One redis-server process, which can be killed and started again with the same data and port."""

    name = "redis-server"

    def __init__(
        self,
        folder: Path,
        arguments: tuple[str, ...],
        password: str | None,
        appendonly: bool,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.password = password
        self._arguments = arguments
        self._appendonly = appendonly
        self._environment = None if environment is None else {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`redis://` URL with the password, if there is one."""
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}"

    def client(self, **options: Any) -> redis.Redis:
        """Return a new client; replies are text unless `decode_responses=False`."""
        return redis.Redis.from_url(self.url, **{"decode_responses": True, "socket_timeout": 5, **options})

    def start(self) -> None:
        """Start the process and wait until it has loaded its data and answers."""
        self._process = subprocess.Popen(
            self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at once: {self._log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"{self.name} does not answer: {self._log()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL: what was not yet in the append-only file is lost."""
        self._end(gracefully=False)

    def stop(self) -> None:
        """SIGTERM: with an append-only file nothing is lost."""
        self._end(gracefully=True)

    def append_only_file(self) -> Path:
        """Return the file that is being written, where `appendonly` is set."""
        files = (self.folder / "appendonlydir").glob("*.incr.aof")
        return max(files, key=lambda file: file.stat().st_mtime)

    def restart(self) -> None:
        """Stop and start on the same port; data live on where `appendonly` is set."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers. A later `kill` or `resume` ends it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, *, gracefully: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if gracefully:
            process.terminate()
        else:
            process.kill()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def program(self) -> str:
        """Return the path of the server's program: redis-server, or what REDIS_SERVER names in its stead."""
        program = shutil.which(os.environ.get("REDIS_SERVER", "redis-server"))
        if program is None:
            raise RuntimeError("no redis-server on this machine; on Debian: apt-get install -y redis-server")
        return program

    def _command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            "appendfsync": "always",
            "logfile": str(self.folder / "redis.log"),
        }
        if self.password:
            options["requirepass"] = self.password
        return [
            self.program(),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
            *self._arguments,
        ]

    def _log(self) -> str:
        log = self.folder / "redis.log"
        return log.read_text()[-2000:] if log.exists() else "no log"


Server = TypeVar("Server", bound=RedisServer)


@contextmanager
def redis_server(
    *extra_args: str,
    password: str | None = None,
    appendonly: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RedisServer]:
    """Run a redis-server; `extra_args` go to its command line as they are (`"--maxmemory", "64mb"`).

    `environment` is added to the process' own (`MovableClock.environment`).
    """
    with running(RedisServer, extra_args, password, appendonly, environment) as server:
        yield server


@contextmanager
def running(
    kind: type[Server],
    extra_args: tuple[str, ...],
    password: str | None,
    appendonly: bool,
    environment: Mapping[str, str] | None,
) -> Iterator[Server]:
    """Run a server of this class in a scratch folder; process and folder are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"crawlfleet-redis-{os.getpid()}-"))
    server = kind(folder, extra_args, password, appendonly, environment)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
