"""`python -m demo run`: every step in order, said aloud, each with its time; the verdict at the end."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from demo import crawl, parts, site, steps, summary
from demo.errors import DemoError
from demo.judge import Rules
from demo.kills import Kills
from demo.kube import Kube

OUT: Final = Path("out/demo")
WORK: Final = Path(".cache/demo/site")


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step and tell how long it took."""
    say(f"==> {what}")
    begin = time.monotonic()
    yield
    say(f"    {time.monotonic() - begin:.1f} s")


def demo(plant: str | None = None, out: Path = OUT) -> None:
    """Run the whole demo; raises DemoError when anything is not as it must be."""
    example = crawl.load()
    out.mkdir(parents=True, exist_ok=True)
    WORK.mkdir(parents=True, exist_ok=True)
    with step("cluster"):
        parts.cluster_up()
    kube = Kube.bundled_or_current()
    with step("images of operator and worker"):
        worker = parts.build_project_images()
    with step("site of real pages: three of Debian's documentation packages"):
        tree, image = steps.build_site(WORK)
    with step("helm upgrade --install crawlfleet charts/crawlfleet"):
        steps.install(kube)
    with step("the site in the cluster"):
        site.deploy(kube, image)
    with step(f"kubectl apply -f {crawl.MANIFEST}" + (f", with a planted fault: {plant}" if plant else "")):
        uid = steps.start(kube, example, worker, plant)
    kills = Kills(kube, example.name)
    history = steps.follow(kube, example.name, kills)
    with step("items and access log"):
        steps.collect(kube, example.name, uid, out)
    with step("the judge: which pages had to be crawled, by the files alone"):
        verdict = steps.verdict_of(tree, example, out)
    items = out / "items.jsonl"
    for line in summary.lines(history, verdict, steps.addresses(items), out):
        say(line)
    if found := [*kills.faults(), *steps.faults(history, verdict, items)]:
        raise DemoError("not as it must be: " + "; ".join(found), by_hand(example.rules, tree, out))


def by_hand(rules: Rules, tree: Path, out: Path) -> str:
    """Return the command that judges the same files and log again."""
    options = [("--seed", rules.seeds), ("--allow", rules.allow), ("--deny", rules.deny)]
    words = [f"{name} {shlex.quote(value)}" for name, values in options for value in values]
    return f"python -m demo.judge --site {tree} --log {out / 'access.jsonl'} {' '.join(words)}"


def clean(kube: Kube) -> None:
    """Take CrawlJob, site and release away; images and cluster stay."""
    with step("the CrawlJob and its namespace"):
        crawl.remove(kube, crawl.load().name)
        kube.run("delete", "namespace", crawl.NAMESPACE, "--ignore-not-found", "--timeout=90s", seconds=100)
    with step("the site"):
        kube.run("delete", "namespace", site.NAMESPACE, "--ignore-not-found", "--timeout=90s", seconds=100)
    with step("the release"):
        kube.install("uninstall", steps.RELEASE, "-n", steps.SYSTEM, "--ignore-not-found", "--wait", seconds=120)
