"""How can a server's time of day be moved without touching the system's? By a small library it is started with.

with movable_clock() as clock, redis_server(environment=clock.environment) as server:
    clock.move(3600)  # Redis' TIME, inside Lua too, is an hour ahead from now on

`clock_shim.c` is built with the C compiler into the scratch folder. (libfaketime kills Debian's redis-server.)
"""

import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("clock_shim.c")
NANOSECONDS = 1_000_000_000

CACHED_SECONDS = 0.002
"""Valkey asks for the time of day once a millisecond and counts on with the processor's clock in between."""


@dataclass(frozen=True)
class MovableClock:
    """The time of day of every process that is started with `environment`."""

    library: Path
    offset_file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables to add to a process' environment."""
        return {"LD_PRELOAD": str(self.library), "CLOCK_SHIM_OFFSET_FILE": str(self.offset_file)}

    @property
    def offset(self) -> float:
        """Seconds by which the time of day is ahead of the true one."""
        return float(struct.unpack("=q", self.offset_file.read_bytes())[0]) / NANOSECONDS

    def set(self, seconds: float) -> None:
        """Be so many seconds ahead of the true time (behind, where negative); servers see it when this returns."""
        with self.offset_file.open("r+b") as file:
            file.write(struct.pack("=q", round(seconds * NANOSECONDS)))
        time.sleep(CACHED_SECONDS)

    def move(self, seconds: float) -> None:
        """Step by so many seconds, forward or back."""
        self.set(self.offset + seconds)


@contextmanager
def movable_clock() -> Iterator[MovableClock]:
    """Build the library and its offset file in a scratch folder; the processes must end before this does."""
    folder = Path(tempfile.mkdtemp(prefix=f"crawlfleet-clock-{os.getpid()}-"))
    clock = MovableClock(folder / "clock_shim.so", folder / "offset")
    try:
        build(clock.library)
        clock.offset_file.write_bytes(struct.pack("=q", 0))
        yield clock
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build(library: Path) -> None:
    """Compile the shim into `library`."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler on this machine; on Debian: apt-get install -y gcc libc6-dev")
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", library, SOURCE],
        check=True,
        timeout=60,
    )
