"""What can be set in the chart? `docs/chart-values.md` is made from the comments of its values.yaml.

The comment right above a key documents it; a comment above an empty line documents nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).resolve().parent.parent
CHART: Final = REPOSITORY / "charts" / "crawlfleet"
REFERENCE: Final = REPOSITORY / "docs" / "chart-values.md"

_FREE_FORM: Final = frozenset({"resources", "affinity", "redis.resources"})
"""Documented as a whole: what stands below them is Kubernetes' own."""

_HEAD: Final = """# Values of the chart

Made from the comments of `charts/crawlfleet/values.yaml` by `make generate`. A name that is not in this table is
refused by the chart's schema, so a typo fails instead of being ignored.

| value | default | meaning |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Value:
    """One documented value of the chart."""

    path: str
    """Dotted, as `--set` takes it."""
    default: Any
    text: str
    """Its comment; empty where it has none."""
    section: bool
    """Whether it only holds other values."""


def outputs() -> dict[Path, str]:
    """Return the reference's path and text."""
    return {REFERENCE: _HEAD + "".join(map(_row, read(CHART / "values.yaml")))}


def read(file: Path) -> list[Value]:
    """Return every value of a values.yaml, in its order."""
    text = file.read_text(encoding="utf-8")
    root = yaml.compose(text)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{file} is no YAML mapping")
    return list(_values(root, text.splitlines(), prefix=""))


def _values(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, child in node.value:
        path = f"{prefix}{key.value}"
        section = isinstance(child, yaml.MappingNode) and bool(child.value) and path not in _FREE_FORM
        default = yaml.safe_load(yaml.serialize(child))
        yield Value(path, default, _comment_above(lines, key.start_mark.line), section)
        if section:
            yield from _values(child, lines, f"{path}.")


def _comment_above(lines: list[str], line: int) -> str:
    """Join the comment lines that end right above this line (counted from 0)."""
    found: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].strip().removeprefix("#").strip())
    return " ".join(found)


def _row(value: Value) -> str:
    if value.section:
        return f"| **`{value.path}`** | | {_escape(value.text)} |\n"
    default = json.dumps(value.default, ensure_ascii=False)
    return f"| `{value.path}` | `{_escape(default)}` | {_escape(value.text)} |\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
