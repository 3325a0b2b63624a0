"""`python3 -m cluster images`: the project's own images, built, and loaded into the cluster.

A tag is the hash of all that goes into its image, so an unchanged image is neither built nor loaded again, and
`imagePullPolicy: IfNotPresent` is right. `.cluster/images.yaml` holds the references as values of the chart.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from cluster import image_store, images, paths, project_context
from cluster.errors import ClusterError
from cluster.target import target

VALUES = paths.STATE / "images.yaml"
SPIDERS = paths.REPOSITORY / "examples" / "spiders"


def build_all(names: list[str] | None = None) -> dict[str, str]:
    """Build the images (only these names, where given), load them, and return name → reference in the cluster."""
    builders = _builders()
    unknown = sorted(set(names or []) - set(builders))
    if unknown:
        raise ClusterError(f"no image is named {', '.join(unknown)}: there are {', '.join(builders)}")
    references = {name: target().load(build()) for name, build in builders.items() if name in (names or builders)}
    _write_values(_known_values() | references)
    return references


def _builders() -> dict[str, Callable[[], Path]]:
    """Map each image's name to what builds it and returns its archive."""
    builders: dict[str, Callable[[], Path]] = {
        "operator": lambda: _ours("operator"),
        "worker": lambda: _ours("worker"),
        "redis": images.redis_image,
        "nginx": images.nginx_image,
    }
    if (SPIDERS / "Containerfile").exists():
        builders["spiders"] = _spiders
    return builders


def _ours(name: str) -> Path:
    """Build the operator's or the worker's image on the bundled base."""
    base = images.base_image()
    with tempfile.TemporaryDirectory(prefix=f"crawlfleet-{name}-") as scratch:
        context = Path(scratch)
        recipe = project_context.stage(name, context).recipe
        return _build(name, recipe, context, {"BASE": base, "VERSION": project_context.version(context)})


def _spiders() -> Path:
    """Build the example project's image as a user would, but on the worker image of this checkout."""
    worker = image_store.archive_reference(_ours("worker"))[0]
    with tempfile.TemporaryDirectory(prefix="crawlfleet-spiders-") as scratch:
        recipe = Path(scratch) / "Containerfile"
        recipe.write_text(_on_an_argument((SPIDERS / "Containerfile").read_text(encoding="utf-8")), encoding="utf-8")
        return _build("example-spiders", recipe, SPIDERS, {"WORKER": worker})


def _on_an_argument(recipe: str) -> str:
    """Return a recipe whose base image is the build argument WORKER, whatever its first FROM names."""
    changed, found = re.subn(r"^FROM .*$", "ARG WORKER\nFROM ${WORKER}", recipe, count=1, flags=re.MULTILINE)
    if not found:
        raise ClusterError("examples/spiders/Containerfile has no line FROM: begin it with the worker's image")
    return changed


def _build(name: str, recipe: Path, context: Path, arguments: dict[str, str]) -> Path:
    """Build an image whose tag is a hash of its recipe, its context and the image that it stands on."""
    below = [known.key for value in arguments.values() if (known := image_store.record(value))]
    tag = project_context.content_hash(context, recipe, also=repr((sorted(arguments.items()), below)))
    return images.build_image(f"{images.PREFIX}/{name}:{tag}", recipe, context, arguments)


def _known_values() -> dict[str, str]:
    """Return the references that an earlier call wrote."""
    try:
        return dict(json.loads(VALUES.read_text(encoding="utf-8"))["global"]["images"])
    except (FileNotFoundError, ValueError, KeyError):
        return {}


def _write_values(references: dict[str, str]) -> None:
    """Write the chart's values of the images; JSON is YAML too."""
    values: dict[str, object] = {"global": {"images": references}}
    if "operator" in references:
        repository, _, tag = references["operator"].rpartition(":")
        values["image"] = {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}
    if "redis" in references:
        values["redis"] = {"image": references["redis"]}
    VALUES.parent.mkdir(parents=True, exist_ok=True)
    VALUES.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def main(names: list[str]) -> int:
    """Build and load; print each image's reference."""
    references = build_all(names)
    width = max(map(len, references))
    for name, reference in references.items():
        print(f"{name:{width}}  {reference}")
    print(f"values for the chart: {VALUES.relative_to(paths.REPOSITORY)}")
    return 0
