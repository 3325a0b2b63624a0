"""What an evidence file says, and whether the code it speaks of is still the code that is here."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Counts = Mapping[str, Any]
"""Raw counts of one seed, as JSON."""


@dataclass(frozen=True)
class Evidence:
    """One long measurement, declared by a module of `benchmarks/studies/` as `EVIDENCE`."""

    name: str
    question: str
    paths: Sequence[str]
    """Globs below the repository: the code under test."""
    seeds: Sequence[int]
    budget_seconds: float
    """How long the whole is meant to take; printed, not enforced."""
    run: Callable[[int], Counts]
    """Measure one seed; raises on failure, and the seed is tried again by the next call."""


def code_hash(root: Path, globs: Sequence[str]) -> str:
    """Return a hash of names and contents of the files under test. A glob that fits nothing is a ValueError."""
    digest = hashlib.sha256()
    for glob in sorted(globs):
        files = sorted(file for file in root.glob(glob) if file.is_file() and "__pycache__" not in file.parts)
        if not files:
            raise ValueError(f"the path {glob!r} fits no file: mend the study's `paths`")
        for file in files:
            digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def commit(root: Path) -> str:
    """Return the commit, with `+changes` where the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return described.stdout.strip() or "unknown"


def head(root: Path, globs: Sequence[str]) -> dict[str, Any]:
    """Return what a file of figures begins with: machine, commit, and the hash of the code they were taken of."""
    return {"machine": machine(), "commit": commit(root), "code_hash": code_hash(root, globs)}


def machine() -> dict[str, Any]:
    """Return what a figure depends on: cores, memory in GiB, kernel, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def seeds(file: Path) -> list[Counts]:
    """Return what an evidence file says of each seed, in the order of the seeds; nothing where there is no file."""
    found = read(file).get("seeds", {})
    return [found[number] for number in sorted(found, key=int)]


def document(evidence: Evidence, seeds: Mapping[str, Counts], root: Path) -> dict[str, Any]:
    """Return the file to commit."""
    return {
        "name": evidence.name,
        "question": evidence.question,
        "commit": commit(root),
        "code_hash": code_hash(root, evidence.paths),
        "paths": sorted(evidence.paths),
        "machine": machine(),
        "seeds": dict(seeds),
    }


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON in one step: a killed run leaves the old file or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.rename(file)


def read(file: Path) -> dict[str, Any]:
    """Read JSON; empty where there is no file or half of one."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}
