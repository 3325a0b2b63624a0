"""What kubectl printed, followed while it prints, and kept in out/e2e/kubectl.json for the docs."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.crawls import Crawls


@contextmanager
def followed(crawls: Crawls, kind: str, file: Path) -> Iterator[Callable[[], str]]:
    """Let `kubectl get -w` of this kind print into a file; yields how to read what it printed so far."""
    command = [crawls.kube.kubectl, "get", kind, "-w", "-n", crawls.namespace]
    with file.open("w", encoding="utf-8") as output:
        following = subprocess.Popen(command, stdout=output, env={**os.environ, **crawls.kube.environment})
    try:
        yield lambda: file.read_text(encoding="utf-8")
    finally:
        following.terminate()
        following.wait(10)


def keep(views: dict[str, str]) -> None:
    """Keep what kubectl printed beside what is kept already."""
    folder = Path(os.environ.get("E2E_OUT", "out/e2e"))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kubectl.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps(kept | views, indent=2) + "\n", encoding="utf-8")
