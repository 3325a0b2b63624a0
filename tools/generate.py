"""Which files are made from others? `python -m tools.generate` writes them, `--check` names the stale ones.

A generator is a function without arguments that returns the files it stands for: path → text. Give it a line
in GENERATORS; the check of stale files and its test then hold for it too.
"""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from tools import benchmarks_page, chart_crds, chart_values, crd_reference, dashboards, pace_page

Generator = Callable[[], dict[Path, str]]

GENERATORS: Final[list[Generator]] = [
    crd_reference.generate,
    chart_crds.outputs,
    chart_values.outputs,
    dashboards.outputs,
    pace_page.outputs,
    benchmarks_page.outputs,
]


def generated() -> dict[Path, str]:
    """Return what every generated file should be. Two generators of one file are a ValueError."""
    files: dict[Path, str] = {}
    for generator in GENERATORS:
        for path, text in generator().items():
            if path in files:
                raise ValueError(f"two generators write {path}")
            files[path] = text
    return files


def stale(files: dict[Path, str]) -> dict[Path, str]:
    """Return those whose text on disk is another, or missing."""
    return {path: text for path, text in files.items() if _on_disk(path) != text}


def write(files: dict[Path, str]) -> None:
    """Write the files, and the folders they need."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def difference(path: Path, text: str) -> Iterable[str]:
    """Return the first lines of a diff from the file on disk to what it should be."""
    before = _on_disk(path).splitlines()
    return list(difflib.unified_diff(before, text.splitlines(), str(path), "generated", lineterm=""))[:20]


def main(words: list[str] | None = None) -> int:
    """Write the stale files, or with `--check` name them and return 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    check = parser.parse_args(words).check
    files = stale(generated())
    if not check:
        write(files)
    for path, text in files.items():
        lines = ["stale, run `make generate`:", *difference(path, text)] if check else ["written"]
        sys.stdout.write(f"{path}: " + "\n".join(lines) + "\n")
    return 1 if check and files else 0


def _on_disk(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
