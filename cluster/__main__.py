"""`python3 -m cluster …`: the commands of the bundled cluster."""

# ruff: noqa: PLC0415  # each command loads only what it needs

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cluster.errors import ClusterError, CommandError

_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command; what a person can mend is told without a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        return int(_run(arguments) or 0)
    except (ClusterError, CommandError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the node (idempotent)")
    up.add_argument("--take-over", action="store_true", help="end a node that another checkout runs")
    commands.add_parser("down", help="take the node away, and whatever a killed run left")
    commands.add_parser("status", help="say whether the node answers, and what is wrong when it does not")
    tools = commands.add_parser("tools", help="build programs and link them into .cluster/bin")
    tools.add_argument("groups", nargs="*", help="control-plane, helm, kubeconform, node (default: all)")
    plane = commands.add_parser("control-plane", help="run a control plane in the foreground")
    plane.add_argument("--dir", type=Path, required=True, help="where its kubeconfig and logs go")
    plane.add_argument("--until-input-closes", action="store_true", help=argparse.SUPPRESS)
    images = commands.add_parser("images", help="build the project's images and load them into the cluster")
    images.add_argument("names", nargs="*", help="only these")
    return parser


def _run(arguments: argparse.Namespace) -> int | None:
    """Import a command's module only when it is wanted: a broken one must not take the others with it."""
    handlers = {"tools": _tools, "control-plane": _control_plane, "images": _images}
    return handlers.get(arguments.command, _target)(arguments)


def _tools(arguments: argparse.Namespace) -> None:
    from cluster import tools

    tools.ensure(*arguments.groups)


def _control_plane(arguments: argparse.Namespace) -> int:
    from cluster import control_plane_process

    directory = arguments.dir.resolve()
    return control_plane_process.serve(directory, until_input_closes=arguments.until_input_closes)


def _images(arguments: argparse.Namespace) -> int | None:
    from cluster import project_images

    return project_images.main(arguments.names)


def _target(arguments: argparse.Namespace) -> int | None:
    from cluster.target import target

    if arguments.command == "status":
        return target().status()
    if arguments.command == "up":
        target().up(take_over=arguments.take_over)
    else:
        target().down()
    return None


if __name__ == "__main__":
    sys.exit(main())
