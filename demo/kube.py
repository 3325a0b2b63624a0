"""How the demo speaks to the cluster: kubectl and helm, called as a person would, each call with its limit."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster import paths
from demo.errors import DemoError

CALL_SECONDS = 30.0


@dataclass(frozen=True)
class Kube:
    """The programs and the environment (KUBECONFIG) to call them with."""

    kubectl: str = "kubectl"
    helm: str = "helm"
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def bundled_or_current(cls) -> "Kube":
        """Return the programs that `cluster up` provided, for the bundled cluster; CLUSTER=current: your kubeconfig."""
        current = os.environ.get("CLUSTER") == "current"
        kubeconfig = {} if current else {"KUBECONFIG": str(paths.KUBECONFIG)}
        return cls(str(paths.BIN / "kubectl"), str(paths.BIN / "helm"), kubeconfig)

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = CALL_SECONDS, look: str = "") -> str:
        """Call kubectl and return its output; raises DemoError with its own words."""
        return self._call([self.kubectl, *arguments], stdin, seconds, look)

    def install(self, *arguments: str, seconds: float) -> str:
        """Call helm."""
        return self._call([self.helm, *arguments], None, seconds, "kubectl get pods -n crawlfleet-system")

    def json(self, *arguments: str) -> dict[str, Any]:
        """Call kubectl with `-o json`."""
        return dict(json.loads(self.run(*arguments, "-o", "json")))

    def apply(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Apply the documents on the server's side."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items))

    def _call(self, command: list[str], stdin: str | None, seconds: float, look: str) -> str:
        shown = " ".join([Path(command[0]).name, *command[1:]])
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=seconds,
                check=False,
                env={**os.environ, **self.environment},
            )
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"no answer in {seconds:.0f} s: {shown}", look) from error
        except FileNotFoundError as error:
            raise DemoError(f"{command[0]} is not there", "make cluster-up") from error
        if done.returncode:
            raise DemoError(f"{shown}: {done.stderr.strip() or done.stdout.strip()}", look)
        return done.stdout
