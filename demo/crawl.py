"""The demo's CrawlJob: read from `examples/demo/`, the image filled in, applied, and taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from demo import judge, site
from demo.errors import DemoError
from demo.kube import Kube

MANIFEST: Final = Path("examples/demo/crawljob.yaml")
NAMESPACE: Final = "crawlfleet-demo"
RULES_KEY: Final = "spider.yaml"
PLANTED_SEED: Final = "http://python-docs.demo-site/planted-extra.html"
"""No page links it and the judge does not know it as a seed: the crawl fetches what is not reachable."""
PLANTED_DENIAL: Final = r"python-docs\.demo-site/about\.html"
"""A page that many link; the judge does not know that the spider was told to leave it out."""


@dataclass(frozen=True)
class Crawl:
    """The documents of the example, and what the judge has to know of them."""

    job: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The CrawlJob's name."""
        return str(self.job["metadata"]["name"])

    @property
    def spider(self) -> dict[str, Any]:
        """The generic spider's rules."""
        return dict(yaml.safe_load(self.config["data"][RULES_KEY]))

    @property
    def rules(self) -> judge.Rules:
        """Seeds, hosts and follow rules as the judge takes them."""
        follow = self.spider.get("follow") or []
        if len(follow) > 1:
            raise DemoError(f"{MANIFEST}: the judge understands one entry under `follow`, not {len(follow)}")
        rule = follow[0] if follow else {}
        return judge.Rules(
            seeds=tuple(self.job["spec"]["seeds"]["inline"]["urls"]),
            hosts=frozenset(self.spider["allowed_hosts"]),
            allow=_patterns(rule.get("allow")),
            deny=_patterns(rule.get("deny")),
        )

    def documents(self, image: str, plant: str | None = None) -> list[dict[str, Any]]:
        """Return what to apply: the example with the image filled in, and with the fault to plant, if any."""
        spec = {**self.job["spec"], "image": image}
        config = dict(self.config)
        if plant == "extra":
            urls = [*self.job["spec"]["seeds"]["inline"]["urls"], PLANTED_SEED]
            spec["seeds"] = {"type": "Inline", "inline": {"urls": urls}}
        if plant == "missing":
            config["data"] = {RULES_KEY: yaml.safe_dump(self._with_denial())}
        placed = [
            {**document, "metadata": {**document["metadata"], "namespace": NAMESPACE}}
            for document in (config, {**self.job, "spec": spec})
        ]
        return [site.namespace(NAMESPACE), *placed]

    def _with_denial(self) -> dict[str, Any]:
        rule = dict((self.spider.get("follow") or [{}])[0])
        rule["deny"] = "|".join([*_patterns(rule.get("deny")), PLANTED_DENIAL])
        return {**self.spider, "follow": [rule]}


def _patterns(given: str | list[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def load(manifest: Path = MANIFEST) -> Crawl:
    """Read the example's ConfigMap and CrawlJob."""
    documents = {item["kind"]: item for item in yaml.safe_load_all(manifest.read_text(encoding="utf-8")) if item}
    if set(documents) != {"ConfigMap", "CrawlJob"}:
        raise DemoError(f"{manifest} has to hold one ConfigMap and one CrawlJob, not {sorted(documents)}")
    return Crawl(documents["CrawlJob"], documents["ConfigMap"])


def remove(kube: Kube, name: str) -> None:
    """Delete a CrawlJob of an earlier run, with its Redis, and wait until it is gone."""
    look = f"kubectl get all -n {NAMESPACE}"
    kinds = kube.run("api-resources", "--api-group=crawlfleet.io", "-o", "name")
    if "crawljobs" in kinds:
        kube.run(
            "delete",
            "crawljob",
            name,
            "-n",
            NAMESPACE,
            "--ignore-not-found",
            "--timeout=60s",
            seconds=70,
            look=look,
        )
