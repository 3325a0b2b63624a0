"""How does the node come up, go down, and tell how it is?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster import components, images, kubeconfig, machine, paths, tools
from cluster.certificates import Authority, Certificate
from cluster.components import Identities, Plan
from cluster.endpoints import answers
from cluster.errors import ClusterError, CommandError
from cluster.image_store import archive_reference
from cluster.node import addons, agents, cgroups, containerd, daemons, layout, leftovers, network, ownership
from cluster.progress import say, step
from cluster.run import run, wait_until

_LONGEST_STATE_PATH = 60  # the kubelet listens on sockets below it, whose paths end at 107 characters
_SECONDS = 90


def up(*, take_over: bool = False) -> None:
    """Bring the node up; quick when it is. Raises ClusterError, with the node cleared away, when it cannot be."""
    machine.require_node()
    if len(str(paths.STATE)) > _LONGEST_STATE_PATH:
        raise ClusterError(f"the path {paths.STATE} is too long for sockets: move the checkout to a shorter one")
    ownership.refuse_foreign(take_over=take_over)
    tools.ensure("node")
    archives = images.part_images()
    with ownership.alone():
        if ownership.owner() == paths.STATE and _is_fit():
            say("the node is up")
            return
        ownership.refuse_foreign(take_over=take_over)
        _clear_remains()
        try:
            _start(archives)
        except BaseException:
            _keep_logs()
            leftovers.clear()
            raise


def down() -> None:
    """Take the node away with everything it kept; built programs and image archives stay for the next time."""
    ownership.refuse_foreign(take_over=False)
    with ownership.alone(), step("taking the node away"):
        leftovers.clear()


def status() -> int:
    """Print what there is and how it is; return 0 when the node is fit, 1 when not."""
    if ownership.owner() not in {None, paths.STATE}:
        print(f"a node of another checkout: {ownership.owner()}")
    wrong = problems()
    print(f"daemons: {', '.join(daemons.running()) or 'none'}")
    print(f"processes: {len(cgroups.processes())}")
    for problem in wrong:
        print(f"problem: {problem}")
    if not wrong:
        print(addons.kubectl("get", "nodes,pods", "-A", "-o", "wide"))
    return 1 if wrong else 0


def problems() -> list[str]:
    """Say what keeps the node from being fit: dead daemons, or an API server or a node that is not ready."""
    if not daemons.running():
        return ["no node runs; start it with: make cluster-up"]
    if daemons.dead():
        return [f"{name} is dead; see .cluster/logs/{name}.log" for name in daemons.dead()]
    try:
        addons.kubectl("wait", "--for=condition=Ready", f"node/{layout.NAME}", "--timeout=15s")
    except CommandError as error:
        return [f"the node is not ready: {(error.stderr or '').strip()}"]
    return []


def load(archive: Path) -> None:
    """Import an OCI archive into the node's image store; nothing is done when this very image is there."""
    tag, digest = archive_reference(archive)
    ctr = (paths.BIN / "ctr", "--address", layout.CONTAINERD_SOCKET, "--namespace", "k8s.io")
    listed = run(*ctr, "images", "list", f"name=={tag}").stdout
    if digest not in listed:
        run(*ctr, "images", "import", "--snapshotter", "overlayfs", archive)


def _is_fit() -> bool:
    """Tell whether the running node answers; CLUSTER=current may have put another kubeconfig in its place."""
    pki = paths.STATE / "pki"
    if not (pki / "admin.crt").exists():
        return False
    admin = Certificate(pki / "admin.crt", pki / "admin.key")
    kubeconfig.write(paths.KUBECONFIG, _plan().url, Authority(pki), admin)
    return not problems()


def _plan() -> Plan:
    return Plan(paths.STATE, layout.NODE_ADDRESS, 6443, 2379, 10257, 10259)


def _clear_remains() -> None:
    remains = leftovers.found()
    if remains:
        with step(f"clearing what an earlier node left ({len(remains)} traces, such as {remains[0]})"):
            leftovers.clear()


def _start(archives: Sequence[Path]) -> None:
    ownership.claim()
    paths.STATE.mkdir(exist_ok=True)
    cgroups.create()
    network.create()
    plan = _plan()
    with step("control plane"):
        identities = _start_control_plane(plan)
    with step("container runtime, images"):
        _start_runtime(archives)
    with step("node"):
        daemons.start(agents.kubelet(plan, identities))
        daemons.start(agents.kube_proxy(plan, identities))
        _await("the node's readiness", lambda: not problems())
    with step("DNS, volumes"):
        addons.apply()
    say(f"the node is up: export KUBECONFIG={paths.KUBECONFIG}")


def _start_control_plane(plan: Plan) -> Identities:
    daemons.start(components.etcd(plan))
    identities = components.create_identities(plan)
    to_kubelet = identities.authority.issue("apiserver-kubelet", "apiserver", [components.ADMIN_GROUP])
    daemons.start(
        [
            *components.apiserver(plan, identities),
            f"--kubelet-client-certificate={to_kubelet.certificate}",
            f"--kubelet-client-key={to_kubelet.key}",
            f"--kubelet-certificate-authority={identities.authority.root.certificate}",
            "--kubelet-preferred-address-types=InternalIP",
        ]
    )
    _await("the API server", lambda: answers(f"{plan.url}/readyz", identities.authority.root.certificate))
    daemons.start(components.controller_manager(plan, identities))
    daemons.start(components.scheduler(plan))
    return identities


def _start_runtime(archives: Sequence[Path]) -> None:
    daemons.start(containerd.command(containerd.write_configuration()))
    ctr = (paths.BIN / "ctr", "--address", layout.CONTAINERD_SOCKET, "version")
    _await("containerd", lambda: run(*ctr, check=False).returncode == 0)
    for archive in archives:
        load(archive)


def _await(what: str, condition: Callable[[], bool]) -> None:
    wait_until(condition, what, _SECONDS, abandon=daemons.death)


def _keep_logs() -> None:
    """Save the logs of a node that did not come up: what cleared it away must not take the reason along."""
    kept = paths.REPOSITORY / "out" / "cluster-logs"
    if layout.LOGS.exists():
        shutil.copytree(layout.LOGS, kept, dirs_exist_ok=True)
        say(f"the node did not come up; its logs are in {kept}")
