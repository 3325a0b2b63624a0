"""The neighbours that the demo starts: the cluster and the images, built and brought to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import TimeoutExpired

from cluster import images, project_context, project_images
from cluster.errors import ClusterError, CommandError
from cluster.target import target
from demo.errors import DemoError

PROJECT_IMAGES = ("operator", "worker", "redis")


@contextmanager
def _told(what: str, look: str) -> Iterator[None]:
    """Turn the cluster's errors into the demo's."""
    try:
        yield
    except (ClusterError, CommandError, TimeoutExpired) as error:
        raise DemoError(f"{what}: {error}", look) from error


def cluster_up() -> None:
    """Start the cluster, or find that it runs; what it prints is its own progress."""
    with _told("the cluster", "python -m cluster status"):
        target().up()


def build_project_images() -> str:
    """Build operator, worker and Redis, bring them to the cluster, and return the worker's reference."""
    with _told("the images", "make images"):
        return project_images.build_all(list(PROJECT_IMAGES))["worker"]


def image_values() -> Path:
    """Return the chart's values that name the images built last."""
    return project_images.VALUES


def build_site_image(context: Path, name: str) -> str:
    """Build the site's image on Debian's nginx, bring it to the cluster, and return its reference there.

    The tag is a hash of the content: a node that pulled another site under this name must not keep it.
    """
    with _told("the site's image", "make images"):
        images.nginx_image()
        tag = f"{name}:{project_context.content_hash(context)}"
        archive = images.build_image(tag, context / "Containerfile", context, {"BASE": images.NGINX})
        return target().load(archive)
