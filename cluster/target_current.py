"""The cluster of the current kubeconfig as a target: it is the user's, so nothing of it is started or ended here.

Images go to the registry that REGISTRY names (`host:port` or `host/path`), from where the cluster's nodes must be able
to pull. REGISTRY_PLAIN_HTTP=1 speaks to it without TLS; registries on the loopback device are spoken to so anyway.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from cluster import images, locks, paths, tools
from cluster.errors import ClusterError, CommandError
from cluster.image_store import archive_reference
from cluster.progress import say, step
from cluster.run import run

_OWN_TOOLS = {"kubectl": "control-plane", "helm": "helm"}
_LOOPBACK = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?(/|$)")


class CurrentTarget:
    """A cluster one has already, and a registry it pulls from."""

    kubeconfig = paths.KUBECONFIG

    @property
    def prefix(self) -> str:
        """Where images are named: below the user's registry."""
        return f"{_registry()}/crawlfleet"

    def up(self, *, take_over: bool = False) -> None:
        """Copy the current kubeconfig (its current context alone) and check that the cluster answers."""
        del take_over  # nothing to take
        _provide_tools()
        self._copy_kubeconfig()
        try:
            answer = self._kubectl("version")
        except CommandError as error:
            raise ClusterError(
                f"the cluster of the current kubeconfig does not answer: {(error.stderr or '').strip()}"
            ) from error
        say("using the cluster of the current kubeconfig: " + " ".join(answer.split()))

    def down(self) -> None:
        """Leave the cluster alone."""
        say("CLUSTER=current: the cluster is yours, nothing is taken down")

    def status(self) -> int:
        """Print its version and nodes."""
        self.up()
        print(self._kubectl("get", "nodes", "-o", "wide"))
        return 0

    def load(self, archive: Path) -> str:
        """Push an image to the registry, under the name its tag has there; return the whole reference."""
        tag, _ = archive_reference(archive)
        registry = _registry()
        name = tag.removeprefix(images.PREFIX)
        plain = os.environ.get("REGISTRY_PLAIN_HTTP") == "1" or bool(_LOOPBACK.match(registry))
        verify = "--tls-verify=false" if plain else "--tls-verify=true"
        with locks.building("images"), step(f"pushing {self.prefix}{name}"):
            image = images.buildah("pull", "--quiet", f"oci-archive:{archive}").strip()
            images.buildah("push", "--quiet", verify, image, f"docker://{self.prefix}{name}")
        return f"{self.prefix}{name}"

    def _copy_kubeconfig(self) -> None:
        view = run(paths.BIN / "kubectl", "config", "view", "--raw", "--flatten", "--minify", check=False)
        if view.returncode:
            raise ClusterError(f"no current kubeconfig (set KUBECONFIG): {view.stderr.strip()}")
        temporary = paths.KUBECONFIG.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(view.stdout)
        temporary.rename(paths.KUBECONFIG)

    def _kubectl(self, *arguments: str) -> str:
        return run(paths.BIN / "kubectl", f"--kubeconfig={paths.KUBECONFIG}", *arguments, timeout=60).stdout


def _registry() -> str:
    registry = os.environ.get("REGISTRY", "").rstrip("/")
    if not registry:
        raise ClusterError("CLUSTER=current needs REGISTRY=host:port, a registry your cluster can pull from")
    return registry


def _provide_tools() -> None:
    """Use the user's own kubectl and helm where there are any; else build ours."""
    paths.BIN.mkdir(parents=True, exist_ok=True)
    others = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != paths.BIN)
    for name, group in _OWN_TOOLS.items():
        link = paths.BIN / name
        own = shutil.which(name, path=others)
        if link.exists():
            continue
        if own:
            link.unlink(missing_ok=True)
            link.symlink_to(own)
        else:
            tools.ensure(group)
