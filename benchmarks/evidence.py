"""Long measurements, run once and kept: `python -m benchmarks.evidence NAME`, `… list`, `… check`.

A run stores each seed as it is done, so that a killed run goes on where it stopped as long as the code under test
is the same. The result is `benchmarks/evidence/NAME.json`, which is committed. `check` fails when a declared
evidence is absent, or when its code has changed since, unless docs/evidence.md says `Evidence NAME: outdated`.
"""

import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks import records
from benchmarks.records import Evidence

ROOT = Path(__file__).resolve().parent.parent
USAGE = "usage: python -m benchmarks.evidence NAME | list | check"


def declared(package: str = "benchmarks.studies") -> dict[str, Evidence]:
    """Return the evidence that the modules of the package declare, by name."""
    try:
        studies = importlib.import_module(package)
    except ModuleNotFoundError:
        return {}
    modules = [f"{package}.{module.name}" for module in pkgutil.iter_modules(studies.__path__)]
    found = [getattr(importlib.import_module(module), "EVIDENCE", None) for module in sorted(modules)]
    return {evidence.name: evidence for evidence in found if evidence is not None}


def collect(evidence: Evidence, root: Path = ROOT) -> Path:
    """Run the seeds that are not done yet and write the evidence; return its file."""
    partial = root / "benchmarks" / "out" / f"{evidence.name}.partial.json"
    code = records.code_hash(root, evidence.paths)
    before = records.read(partial)
    done = dict(before["seeds"]) if before.get("code_hash") == code else {}
    print(f"{evidence.name}: {evidence.question}")
    print(f"budget {evidence.budget_seconds:.0f} s; {len(done)} of {len(evidence.seeds)} seeds done before")
    for seed in evidence.seeds:
        if str(seed) in done:
            continue
        begin = time.monotonic()
        done[str(seed)] = dict(evidence.run(seed))
        records.write(partial, {"code_hash": code, "seeds": done})
        print(f"seed {seed}: {time.monotonic() - begin:.1f} s  {done[str(seed)]}", flush=True)
    if records.code_hash(root, evidence.paths) != code:
        raise RuntimeError("the code under test changed during the run: run it again")
    target = _file(root, evidence.name)
    records.write(target, records.document(evidence, done, root))
    partial.unlink(missing_ok=True)
    return target


def check(known: Mapping[str, Evidence], root: Path = ROOT) -> Iterator[str]:
    """Yield what is wrong with the committed evidence."""
    outdated = marked_outdated(root / "docs" / "evidence.md")
    for name, evidence in sorted(known.items()):
        content = records.read(_file(root, name))
        if not content:
            yield f"{name}: absent; run `make evidence-{name}`"
        elif missing := {str(seed) for seed in evidence.seeds} - content.get("seeds", {}).keys():
            yield f"{name}: seeds {sorted(missing)} are missing; run `make evidence-{name}`"
        elif content.get("code_hash") != records.code_hash(root, evidence.paths) and name not in outdated:
            yield f"{name}: the code has changed; run it again or write `Evidence {name}: outdated` in docs/evidence.md"
    for file in sorted((root / "benchmarks" / "evidence").glob("*.json")):
        if file.stem not in known:
            yield f"{file.stem}: no study declares it; remove the file or declare it in benchmarks/studies"


def marked_outdated(page: Path) -> set[str]:
    """Return the names that the docs call outdated."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return set(re.findall(r"^Evidence ([\w-]+): outdated", text, re.MULTILINE))


def _file(root: Path, name: str) -> Path:
    return root / "benchmarks" / "evidence" / f"{name}.json"


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    known = declared()
    match arguments:
        case ["check"]:
            return _report(check(known))
        case ["list"]:
            print("\n".join(f"{name:<20} {each.question}" for name, each in known.items()) or "none declared")
            return 0
        case [name] if name in known:
            print(f"written: {collect(known[name])}")
            return 0
    print(f"{USAGE}\nNAME is one of: {', '.join(known) or '(none declared)'}", file=sys.stderr)
    return 2


def _report(faults: Iterable[str]) -> int:
    found = list(faults)
    print("\n".join(f"evidence: {fault}" for fault in found) or "evidence: all present and up to date")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
