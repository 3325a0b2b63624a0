"""The demo's commands: `python -m demo run`, `pictures` and `clean`."""

import argparse
import sys

from demo import pictures, run
from demo.errors import DemoError
from demo.kube import Kube


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 only when everything was as it must be."""
    parser = argparse.ArgumentParser(prog="python -m demo")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="cluster, images, chart, site, crawl, judge")
    running.add_argument(
        "--plant",
        choices=["missing", "extra"],
        help="a fault that the judge has to find: the spider leaves a page out, or crawls one that nothing links",
    )
    commands.add_parser("pictures", help="the crawl on both dashboards, drawn into docs/images")
    commands.add_parser("clean", help="take CrawlJob, site and release away")
    given = parser.parse_args(arguments)
    try:
        if given.command == "run":
            run.demo(given.plant)
        elif given.command == "pictures":
            pictures.pictures()
        else:
            run.clean(Kube.bundled_or_current())
    except DemoError as error:
        sys.stdout.flush()
        sys.stderr.write(f"\ndemo: {error.reason}\n" + (f"look: {error.look}\n" if error.look else ""))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
