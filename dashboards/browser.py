"""A page as a picture: Debian's headless Chromium over a server on loopback."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
DRAWING_MILLISECONDS = 30_000
"""Of the page's own clock, which runs ahead while nothing happens."""
TIMEOUT_SECONDS = 300


class BrowserError(RuntimeError):
    """There is no Chromium, or the page could not be drawn; the message says why."""


def photograph(folder: Path, picture: Path, width: int, height: int) -> None:
    """Draw `folder`/index.html, `width` by `height` pixels large, into the PNG file `picture`.

    The page says "drawn" in its title when it is ready. Raises BrowserError where it says anything else.
    """
    chromium = _chromium()
    with _served(folder) as address, tempfile.TemporaryDirectory() as profile:
        command = [
            *(chromium, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"),
            *(f"--virtual-time-budget={DRAWING_MILLISECONDS}", f"--screenshot={picture}", "--dump-dom", address),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    if title is None or title[1] != "drawn":
        said = title[1] if title else done.stderr[-1000:]
        raise BrowserError(f"{picture.name} could not be drawn: {said}")
    if not picture.exists():
        raise BrowserError(f"{picture.name}: Chromium left no picture: {done.stderr[-1000:]}")


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]
        subprocess.run(install, stdout=subprocess.DEVNULL, check=False)
        if shutil.which("chromium"):
            return "chromium"
    raise BrowserError("drawing needs Chromium: apt-get install chromium")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing: the caller hears of failures from the page."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
