"""A real Prometheus on loopback that already scraped a story.

`promtool tsdb create-blocks-from openmetrics` writes the samples into its database, so half an hour of crawling
costs a second. What a query returns does not depend on how the samples came in.
"""

import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.observability.scripted import Sample
from tests.servers.ports import free_port

READY_SECONDS = 20


@contextmanager
def serving(told: Iterable[tuple[int, list[Sample]]], begin: float, folder: Path) -> Iterator[str]:
    """Yield the URL of a Prometheus that holds the story `told`, which began at `begin` (seconds since the epoch)."""
    for program in ("prometheus", "promtool"):
        if not shutil.which(program):
            pytest.fail(f"{program} is missing: apt-get install prometheus")
    _fill(told, begin, folder)
    port = free_port()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 15s, evaluation_interval: 15s}\n")
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url, server, folder / "prometheus.log")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def _fill(told: Iterable[tuple[int, list[Sample]]], begin: float, folder: Path) -> None:
    series: dict[str, list[str]] = {}
    for now, samples in told:
        for name, labels, value in samples:
            moment = begin + now
            absolute = value + begin if name.endswith("_timestamp_seconds") else value
            text = ",".join(f'{key}="{label}"' for key, label in labels)
            series.setdefault(name, []).append(f"{name}{{{text}}} {absolute} {moment}")
    lines = [line for name in sorted(series) for line in series[name]]
    source = folder / "story.om"
    source.write_text("\n".join([*lines, "# EOF\n"]))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _await_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310  always http, on loopback
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)  # Nothing to await: Prometheus tells only when asked.
    pytest.fail(f"Prometheus is not ready after {READY_SECONDS} s:\n{log.read_text()}")
