"""The page that draws: built once from `dashboards/draw` with Node.js, kept in the cache by what it was built from."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cluster.paths import cache

SOURCE = Path(__file__).resolve().parent / "draw"
NODE_MINIMUM = (20, 19)


class PageError(RuntimeError):
    """The page cannot be built; the message says what to install or quotes the tool."""


def built_page() -> Path:
    """Return the folder of the built page; builds it where the cache has none (minutes, 700 MB on the way).

    Raises PageError where Node.js is missing or too old, or where a step fails.
    """
    page = cache() / f"draw-{_fingerprint()[:16]}"
    if not page.exists():
        _require_node()
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="draw-", dir=cache()) as folder:
            _build(Path(folder) / "page", page)
    return page


def _build(folder: Path, page: Path) -> None:
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    _run(folder, "npm", "ci")
    _run(folder, "npm", "run", "build")
    try:
        (folder / "dist").rename(page)
    except OSError:
        if not page.exists():  # Else another process was faster, with the same sources.
            raise


def _fingerprint() -> str:
    digest = sha256()
    for path in _sources():
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file() and not {"node_modules", "dist"} & set(path.relative_to(SOURCE).parts):
            yield path


def _require_node() -> None:
    wanted = ".".join(map(str, NODE_MINIMUM))
    if not (shutil.which("node") and shutil.which("npm")):
        raise PageError(f"drawing needs Node.js {wanted} or newer with npm: install it (node and npm on PATH)")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < NODE_MINIMUM:
        raise PageError(f"drawing needs Node.js {wanted} or newer, and node is {version}: install a newer one")


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PageError(f"{' '.join(command)} in {folder} failed:\n{(done.stdout + done.stderr)[-2000:]}")
