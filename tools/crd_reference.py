"""What does a user read about the fields of a CrawlJob? Renders docs/crd-reference.md from the CRD's schema.

One section per object: a table of its fields (type, default, bounds, meaning), its patterns and its rules.
The names of the sections are the paths that `kubectl explain` takes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).resolve().parents[1]
CRD_FILE: Final = REPOSITORY / "crds" / "crawljobs.crawlfleet.io.yaml"
REFERENCE: Final = REPOSITORY / "docs" / "crd-reference.md"

Schema = dict[str, Any]

HEAD: Final = """\
<!-- Generated from crds/crawljobs.crawlfleet.io.yaml by `make generate`: change that file, not this page. -->
# CrawlJob reference

`{group}/{version}`, kind `{kind}`, short name `{short}`, category `{category}`, {scope}. The same text is in
`kubectl explain {singular}.spec`, one level at a time. *Rules* are checked by the API server, and their words
here are those of its answer; the expression below each is in CEL.
"""


def generate() -> dict[Path, str]:
    """Return the one page and its text."""
    return {REFERENCE: render(yaml.safe_load(CRD_FILE.read_text(encoding="utf-8")))}


def render(crd: dict[str, Any]) -> str:
    """Return the page of a CustomResourceDefinition with one version."""
    (version,) = crd["spec"]["versions"]
    root: Schema = version["schema"]["openAPIV3Schema"]
    parts = [
        _head(crd["spec"], version["name"]),
        *(_paragraph(text) for text in root["description"].split("\n\n")),
        *_rules(root, crd["spec"]["names"]["singular"]),
        _columns(version["additionalPrinterColumns"]),
        _scale(version["subresources"]["scale"]),
        *(part for name in ("spec", "status") for part in _sections(name, root["properties"][name])),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head(spec: dict[str, Any], version: str) -> str:
    names = spec["names"]
    return HEAD.format(
        group=spec["group"],
        version=version,
        kind=names["kind"],
        singular=names["singular"],
        short=names["shortNames"][0],
        category=names["categories"][0],
        scope=spec["scope"].lower(),
    )


def _paragraph(text: str) -> str:
    """Return prose as it is, and an indented block as YAML."""
    if not text.startswith("  "):
        return text
    return "\n".join(["```yaml", *(line.removeprefix("  ") for line in text.splitlines()), "```"])


def _columns(columns: list[dict[str, Any]]) -> str:
    rows = ["## Columns of kubectl get", "", "| column | from | shown |", "|---|---|---|"]
    for column in columns:
        shown = "with `-o wide`" if column.get("priority") else "always"
        rows.append(f"| {column['name'].upper()} | `{column['jsonPath']}` | {shown} |")
    return "\n".join(rows)


def _scale(paths: dict[str, str]) -> str:
    rows = [f"| `{name.removesuffix('Path')}` | `{path}` |" for name, path in paths.items()]
    return "\n".join(["## The scale subresource", "", "| in Scale | in CrawlJob |", "|---|---|", *rows])


def _sections(path: str, node: Schema) -> Iterator[str]:
    """Yield the section of an object, then those of the objects in it."""
    fields = node["properties"]
    yield f"## {path}"
    yield node["description"]
    rows = [_row(name, child, name in node.get("required", ())) for name, child in fields.items()]
    yield "\n".join(["| field | type | default | bounds | meaning |", "|---|---|---|---|---|", *rows])
    yield from _patterns(fields)
    yield from _rules(node, path)
    for name, child in fields.items():
        inner, suffix = (child["items"], "[]") if child.get("type") == "array" else (child, "")
        if "properties" in inner:
            yield from _sections(f"{path}.{name}{suffix}", inner)
        else:
            yield from _rules(child, f"{path}.{name}")
            yield from _rules(_entry(child), f"{path}.{name}[]")


def _row(name: str, node: Schema, required: bool) -> str:
    default = f"`{_flow(node['default'])}`" if "default" in node else ""
    cells = [
        f"`{name}`",
        _type(node),
        "*required*" if required else default,
        _bounds(node),
        node["description"],
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _type(node: Schema) -> str:
    if "x-kubernetes-int-or-string" in node:
        return "integer or string"
    if node["type"] == "array":
        return f"list of {_type(node['items'])}s"
    if "additionalProperties" in node:
        return f"map to {_type(node['additionalProperties'])}"
    return "time" if node.get("format") == "date-time" else str(node["type"])


def _bounds(node: Schema) -> str:
    """Return the bounds of a field in words, those of its entries after them."""
    words = [
        " ".join(f"`{value}`" for value in node.get("enum", ())),
        _range(node, "minimum", "maximum", ""),
        _range(node, "minLength", "maxLength", " characters"),
        _range(node, "minItems", "maxItems", " entries"),
        _range(node, "minProperties", "maxProperties", " entries"),
    ]
    if node.get("x-kubernetes-list-type") in ("map", "set"):
        words.append("unique by " + ", ".join(node.get("x-kubernetes-list-map-keys", ["value"])))
    entry = _entry(node)
    if entry and _bounds(entry):
        words.append(f"each {_bounds(entry)}")
    return "; ".join(word for word in words if word)


def _range(node: Schema, low: str, high: str, unit: str) -> str:
    least, most = node.get(low), node.get(high)
    if least is None and most is None:
        return ""
    if most is None:
        return f"≥ {least}{unit}"
    return f"≤ {most}{unit}" if least is None else f"{least} … {most}{unit}"


def _entry(node: Schema) -> Schema:
    """Return the schema of a list's or map's scalar entries, or an empty one."""
    entry: Schema = node.get("additionalProperties") or node.get("items") or {}
    return {} if "properties" in entry else entry


def _patterns(fields: dict[str, Schema]) -> Iterator[str]:
    found = {name: node.get("pattern") or _entry(node).get("pattern") for name, node in fields.items()}
    lines = [f"- `{name}`: `{pattern}`" for name, pattern in found.items() if pattern]
    if lines:
        yield "Patterns:\n\n" + "\n".join(lines)


def _rules(node: Schema, path: str) -> Iterator[str]:
    lines = [
        f"- {rule['message']}\n  `{' '.join(rule['rule'].split())}`"
        for rule in node.get("x-kubernetes-validations", ())
    ]
    if lines:
        yield f"Rules of `{path}`:\n\n" + "\n".join(lines)


def _flow(value: object) -> str:
    """Return a default as one writes it in a manifest."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)
