"""A copy of the tree to break: what git tracks or would track, with the environment of the original."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = ("operator/src", "frontier/src", "crawler_image/src", ".")
LINKED = (".venv", ".cluster")
"""Too large to copy, and nothing that a mutant changes."""


class Tree:
    """One copy, in which changes are made and taken back."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def apply(self, change: str, *, reverse: bool = False) -> bool:
        """Apply a diff, or take it back; return whether it fits exactly."""
        command = ["git", "apply", "--whitespace=nowarn", *(["--reverse"] if reverse else []), "-"]
        # Without a repository around it, git takes the paths as they stand.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(self.root.parent)}
        done = subprocess.run(
            command,
            cwd=self.root,
            input=change,
            text=True,
            capture_output=True,
            check=False,
            env=environment,
            timeout=30,
        )
        return done.returncode == 0

    def test(self, node: str, seconds: float) -> tuple[int, str]:
        """Run one test in the copy, against the copy's sources; return pytest's exit code and words."""
        sources = os.pathsep.join(str(self.root / source) for source in SOURCES)
        environment = {**os.environ, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", node]
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                text=True,
                capture_output=True,
                check=False,
                env=environment,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return 1, f"no end in {seconds:.0f} s"
        return done.returncode, done.stdout + done.stderr


@contextmanager
def copied(root: Path) -> Iterator[Tree]:
    """Copy the tree below a temporary folder, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="crawlfleet-mutants-") as folder:
        target = Path(folder, "tree")
        for name in _files(root):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
        for name in LINKED:
            if (root / name).exists():
                (target / name).symlink_to((root / name).resolve())
        yield Tree(target)


def _files(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
