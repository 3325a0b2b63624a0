"""Which pages the demo crawls: Debian's documentation packages, fetched and unpacked, never installed."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from demo.errors import DemoError

CACHE = Path(".cache/demo")
FETCH_SECONDS = 180


@dataclass(frozen=True)
class Book:
    """One documentation package and the host name that serves it."""

    package: str
    host: str
    folder: str
    """Where its HTML lies in the package."""


BOOKS = (
    Book("python3.11-doc", "python-docs.demo-site", "usr/share/doc/python3.11/html"),
    Book("postgresql-doc-15", "postgresql-docs.demo-site", "usr/share/doc/postgresql-doc-15/html"),
    Book("debian-handbook", "handbook.demo-site", "usr/share/doc/debian-handbook/html"),
)

Fetch = Callable[[str, Path], Path]
"""Download a package into a folder and return the file."""


def apt_download(package: str, folder: Path) -> Path:
    """Fetch one .deb by the machine's own apt; raises DemoError with apt's words."""
    done = subprocess.run(
        ["apt-get", "-o", "APT::Sandbox::User=root", "download", package],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=False,
    )
    found = sorted(folder.glob(f"{package}_*.deb"))
    if done.returncode or not found:
        raise DemoError(
            f"apt-get could not download {package}: {done.stderr.strip() or 'no file came'}", "apt-get update"
        )
    return found[-1]


def assemble(target: Path, cache: Path = CACHE, fetch: Fetch = apt_download) -> int:
    """Put every book below `target/<host>` as plain files; return the number of HTML pages."""
    shutil.rmtree(target, ignore_errors=True)
    for book in BOOKS:
        copy_tree(unpacked(book, cache, fetch), target / book.host)
    handbook = target / "handbook.demo-site"
    (handbook / "index.html").write_text(start_page(handbook), encoding="utf-8")
    return sum(1 for _ in target.rglob("*.html"))


def unpacked(book: Book, cache: Path = CACHE, fetch: Fetch = apt_download) -> Path:
    """Fetch and unpack a book unless the cache has it; return its folder of HTML."""
    folder = cache / book.package
    if not (folder / ".done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        package = fetch(book.package, folder)
        subprocess.run(["dpkg-deb", "-x", package, folder / "files"], check=True, timeout=FETCH_SECONDS)
        (folder / ".done").touch()
    return folder / "files" / book.folder


def copy_tree(source: Path, target: Path) -> None:
    """Copy regular files only: links out of a package lead nowhere in an image."""
    if not source.is_dir():
        raise DemoError(f"{source} is not in its package: another release of Debian?", f"ls {source.parent}")
    root = source.resolve()

    def outward(folder: str, names: list[str]) -> set[str]:
        paths = [Path(folder, name) for name in names]
        return {path.name for path in paths if path.is_symlink() and not _stays(path, root)}

    shutil.copytree(source, target, ignore=outward)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _stays(link: Path, root: Path) -> bool:
    return link.exists() and link.resolve().is_relative_to(root)


def start_page(handbook: Path) -> str:
    """Return a page that links every language of the handbook: the languages do not link each other."""
    languages = sorted(index.parent.name for index in handbook.glob("*/index.html"))
    items = "".join(f'<li><a href="{name}/">{name}</a></li>' for name in languages)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The Debian handbook</title></head>'
        f"<body><h1>The Debian handbook</h1><ul>{items}</ul></body></html>\n"
    )
