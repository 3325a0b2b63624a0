"""`python -m dashboards picture`: the two dashboards as PNG files."""

import argparse
import os
import sys
import time
from pathlib import Path

from dashboards.browser import BrowserError
from dashboards.page import PageError
from dashboards.picture import NAMES, draw
from dashboards.prometheus import PrometheusError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    variables = dict(pair.split("=", 1) for pair in options.variable)
    now = time.time()
    start, end = (now + moment if moment <= 0 else moment for moment in (options.start, options.end))
    try:
        pictures = draw(
            options.prometheus,
            start,
            end,
            variables,
            options.out,
            scrape_seconds=options.scrape_seconds,
            theme=options.theme,
            names=options.dashboard or NAMES,
        )
    except (ValueError, PrometheusError, PageError, BrowserError) as error:
        sys.stderr.write(f"dashboards: {error}\n")
        return 1
    sys.stdout.writelines(f"{picture}\n" for picture in pictures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    picture = commands.add_parser("picture", help="draw the committed dashboards")
    given = os.environ.get("CRAWLFLEET_PROMETHEUS")
    picture.add_argument("--prometheus", default=given, required=not given, help="URL (or $CRAWLFLEET_PROMETHEUS)")
    picture.add_argument("--start", type=float, default=-3600, help="seconds since the epoch, or ≤ 0 from now")
    picture.add_argument("--end", type=float, default=0, help="seconds since the epoch, or ≤ 0 from now")
    picture.add_argument("--scrape-seconds", type=float, default=15, help="time between two scrapes")
    picture.add_argument("--variable", action="append", default=[], type=_pair, metavar="NAME=VALUE")
    picture.add_argument("--dashboard", action="append", choices=NAMES, help="only this one")
    picture.add_argument("--theme", choices=("dark", "light"), default="dark")
    picture.add_argument("--out", type=Path, default=Path("out/dashboards"), help="folder of the PNG files")
    return parser


def _pair(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return text


if __name__ == "__main__":
    sys.exit(main())
