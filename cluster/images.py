"""How do images come about? Built with buildah, kept as OCI archives; `target().load(archive)` brings them in.

tag = base_image()
archive = build_image(f"{PREFIX}/thing:1", Path("Containerfile"), context, {"BASE": tag})
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cluster import binaries, image_store, locks, machine, paths
from cluster.base_image import make_base_tar
from cluster.image_store import Record
from cluster.programs import COREDNS, PAUSE, PROVISIONER, Module
from cluster.progress import step
from cluster.run import run

PREFIX = "localhost/crawlfleet"
BASE = f"{PREFIX}/base:bookworm"
REDIS = f"{PREFIX}/redis:7.0"
NGINX = f"{PREFIX}/nginx:1.22"
PAUSE_IMAGE = f"{PREFIX}/pause:1"
COREDNS_IMAGE = f"{PREFIX}/coredns:1.15.0"
PROVISIONER_IMAGE = f"{PREFIX}/local-path-provisioner:0.0.30"

_RECIPES = paths.REPOSITORY / "cluster" / "images"


def build_image(tag: str, containerfile: Path, context: Path, build_args: Mapping[str, str]) -> Path:
    """Build an image and return its OCI archive; nothing is done when this very content was built before.

    Arguments whose value is a tag built here (such as the base) are provided from their archives.
    """
    machine.require_programs(machine.IMAGES)
    key = image_store.key(tag, containerfile, context, build_args)
    found = _known(tag, key)
    if found:
        return found
    with locks.building("images"):
        return _known(tag, key) or _build(tag, key, containerfile, context, build_args)


def _known(tag: str, key: str) -> Path | None:
    known = image_store.record(tag)
    return known.archive if known and known.key == key else None


def _build(tag: str, key: str, containerfile: Path, context: Path, build_args: Mapping[str, str]) -> Path:
    with step(f"image {tag}"):
        for value in build_args.values():
            _provide(value)
        arguments = [word for name, value in build_args.items() for word in ("--build-arg", f"{name}={value}")]
        buildah("bud", "--pull-never", "--layers=false", *arguments, "-t", tag, "-f", containerfile, context)
        return _archive(tag, key)


def base_image() -> str:
    """Return the tag of the base image (Debian with python3 and certificates), made if need be."""
    machine.require_programs(machine.IMAGES)
    containerfile = _RECIPES / "base" / "Containerfile"
    context = make_base_tar().parent
    build_image(BASE, containerfile, context, {})
    return BASE


def part_images() -> list[Path]:
    """Build the images that a bare node needs (pause, DNS, volumes) and return their archives."""
    base = base_image()
    return [
        _of_program(PAUSE_IMAGE, PAUSE, {}),
        _of_program(COREDNS_IMAGE, COREDNS, {}),
        _of_program(PROVISIONER_IMAGE, PROVISIONER, {"BASE": base}),
    ]


def redis_image() -> Path:
    """Build Debian's Redis on the base and return the archive."""
    recipe = _RECIPES / "redis"
    return build_image(REDIS, recipe / "Containerfile", recipe, {"BASE": base_image()})


def nginx_image() -> Path:
    """Build Debian's nginx on the base and return the archive."""
    recipe = _RECIPES / "nginx"
    return build_image(NGINX, recipe / "Containerfile", recipe, {"BASE": base_image()})


def buildah(*arguments: str | Path, timeout: float = 1200, check: bool = True) -> str:
    """Run buildah on the cache's own store, without containers of its own (chroot), and return what it printed."""
    store = paths.cache() / "buildah"
    scratch = store / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    command, *rest = arguments
    policy = ("--signature-policy", _RECIPES / "policy.json") if command in {"bud", "pull", "push"} else ()
    done = run(
        *("buildah", "--root", store, "--runroot", store / "run", "--storage-driver", "overlay"),
        *(command, *policy, *rest),
        env={"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(scratch)},
        timeout=timeout,
        check=check,
    )
    return done.stdout


def _of_program(tag: str, module: Module, build_args: Mapping[str, str]) -> Path:
    recipe = _RECIPES / module.name / "Containerfile"
    return build_image(tag, recipe, binaries.ensure(module), build_args)


def _archive(tag: str, key: str) -> Path:
    """Write the image out, uncompressed (it never leaves the machine), and remember it."""
    finished = image_store.archive_path(key)
    unfinished = finished.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    buildah("push", "--disable-compression", tag, f"oci-archive:{unfinished}:{tag}")
    unfinished.rename(finished)
    image_id = buildah("images", "--quiet", "--no-trunc", tag).split()[0].removeprefix("sha256:")
    before = image_store.record(tag)
    image_store.remember(Record(tag, key, image_id))
    if before and before.key != key:
        before.archive.unlink(missing_ok=True)
    _prune(tag)
    return finished


def _prune(tag: str) -> None:
    """Drop archives and layers that many later builds have replaced; what still has a user stays, quietly."""
    old = image_store.forget_old(tag.rpartition(":")[0])
    for gone in old:
        buildah("rmi", gone.image_id, check=False)
    buildah("rmi", "--prune", check=False)


def _provide(tag: str) -> None:
    """Make sure that buildah's store knows the image of this tag, if it is one of ours."""
    known = image_store.record(tag)
    if not known:
        return
    if known.image_id not in buildah("images", "--quiet", "--no-trunc"):
        known = Record(tag, known.key, buildah("pull", "--quiet", f"oci-archive:{known.archive}").strip())
        image_store.remember(known)
    buildah("tag", known.image_id, tag)
