"""What stands in a patch file: what it guards, which test sees it, the change itself."""

from dataclasses import dataclass
from pathlib import Path


class PatchError(Exception):
    """A patch file that cannot be used; the message names the file and the mend."""


@dataclass(frozen=True)
class Mutant:
    """One guard, broken."""

    name: str
    guards: str
    test: str
    """A pytest node id."""
    change: str
    """Unified diff with a/ and b/ prefixes."""


def read(file: Path) -> Mutant:
    """Read one patch file; raises PatchError."""
    text = file.read_text(encoding="utf-8")
    head, marker, _ = text.partition("--- a/")
    if not marker:
        raise PatchError(f"{file.name}: no diff in it; write it with `git diff`, which begins with `--- a/…`")
    headers = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    for wanted in ("Guards", "Test"):
        if not headers.get(wanted, "").strip():
            raise PatchError(f"{file.name}: a line `{wanted}: …` is missing before the diff")
    return Mutant(file.stem, headers["Guards"].strip(), headers["Test"].strip(), text[len(head) :])


def read_all(folder: Path) -> list[Mutant]:
    """Read the patch files of a folder, by name."""
    return [read(file) for file in sorted(folder.glob("*.patch"))]
