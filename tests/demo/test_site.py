"""The site's nginx answers as the judge thinks, and the judge agrees with a plain Scrapy on real pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import content, judge, site
from demo.errors import DemoError
from demo.judge import Rules, Site
from tests.demo.web import served

HOSTS = ["a.demo-site", "b.demo-site"]


@pytest.fixture
def web(tmp_path):
    root = tmp_path / "tree"
    for name, text in {
        "a.demo-site/index.html": "<p>a</p>",
        "a.demo-site/sub/index.html": "<p>sub</p>",
        "a.demo-site/empty/leaf.txt": "leaf",
        'a.demo-site/q"uote.html': "<p>quote</p>",
        "b.demo-site/index.html": "<p>b</p>",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (tmp_path / "work").mkdir()
    with served(HOSTS, root, tmp_path / "work") as running:
        yield running


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/sub",
        "/sub/",
        "/empty",
        "/empty/",
        "/none",
        "/index.html/",
        "/sub/../",
        "/a%20b",
        "/%73ub/",
    ],
)
def test_nginx_answers_as_the_judge_expects(web, path):
    expected, _ = Site(web.log.parent.parent / "tree").look_up(f"http://a.demo-site{path}")
    assert web.get(f"http://a.demo-site{path}") == expected


def test_the_log_names_hosts_apart_survives_quotes_and_leaves_probes_out(web):
    for address in (
        "http://a.demo-site/",
        "http://b.demo-site/",
        "http://a.demo-site/q%22uote.html",
        "http://a.demo-site/x?a=%22",
    ):
        web.get(address)
    assert web.get("http://other.example/page") == 421
    assert dict(judge.read_log(web.log.read_text().splitlines())) == {
        "http://a.demo-site/": 200,
        "http://b.demo-site/": 200,
        "http://a.demo-site/q%22uote.html": 200,
        "http://a.demo-site/x?a=%22": 404,
    }


def test_a_package_loses_its_links_to_elsewhere_and_keeps_those_within(tmp_path):
    package = tmp_path / "package"
    (package / "sub").mkdir(parents=True)
    (package / "page.html").write_text("page")
    (package / "sub" / "within.html").symlink_to("../page.html")
    (package / "away.js").symlink_to("../../javascript/away.js")
    (package / "outside.html").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")
    content.copy_tree(package, tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*.*")}
    assert copied == {"page.html", "sub/within.html"}
    assert not any(path.is_symlink() for path in (tmp_path / "copy").rglob("*"))


def test_a_package_of_another_shape_is_refused(tmp_path):
    with pytest.raises(DemoError, match="not in its package"):
        content.copy_tree(tmp_path / "none", tmp_path / "copy")


def test_a_package_that_apt_does_not_know_is_told_in_apts_words(tmp_path):
    with pytest.raises(DemoError, match="no-such-package-at-all") as caught:
        content.apt_download("no-such-package-at-all", tmp_path)
    assert caught.value.look == "apt-get update"


def test_pages_of_a_debian_package_crawled_by_plain_scrapy_are_those_the_judge_expects(tmp_path):
    book = next(book for book in content.BOOKS if book.package == "postgresql-doc-15")
    try:
        content.copy_tree(content.unpacked(book, tmp_path / "cache"), tmp_path / "tree" / book.host)
    except DemoError as error:
        pytest.skip(f"no package to try it on: {error.reason}")
    (tmp_path / "work").mkdir()
    seed, allow = f"http://{book.host}/", r"(/|\.html)([?#]|$)"
    with served([book.host], tmp_path / "tree", tmp_path / "work") as web:
        spider = Path(__file__).with_name("plain_spider.py")
        environment = {**os.environ, "http_proxy": web.proxy}
        subprocess.run([sys.executable, spider, seed, allow], env=environment, check=True, timeout=200)
        lines = web.log.read_text().splitlines()
    rules = Rules((seed,), frozenset({book.host}), (allow,))
    verdict = judge.judge(Site(tmp_path / "tree"), rules, lines)
    assert list(verdict.explain())[1:] == []
    assert verdict.reachable > 1000
    page = next(line for line in lines if "sql-select.html" in line)
    torn_out = judge.judge(Site(tmp_path / "tree"), rules, [line for line in lines if line != page])
    assert torn_out.missing == (f"http://{book.host}/sql-select.html",)


def test_every_pod_of_the_site_keeps_the_restricted_profile():
    pod = next(each for each in site.manifests("image", "1") if each["kind"] == "Deployment")["spec"]["template"][
        "spec"
    ]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in pod["containers"]:
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_every_book_has_a_service_of_its_name():
    services = {each["metadata"]["name"] for each in site.manifests("image", "1") if each["kind"] == "Service"}
    assert {f"{name}.{site.NAMESPACE}" for name in services} == {book.host for book in content.BOOKS}


class Pod:
    """Answers `stat` and `cat` of a log."""

    def __init__(self, text: str, size: int | None = None) -> None:
        self.text, self.size = text, len(text.encode()) if size is None else size

    def run(self, *arguments: str, **_: object) -> str:
        return str(self.size) if "stat" in arguments else self.text


def test_a_whole_log_is_kept(tmp_path):
    assert site.fetch_log(Pod('{"a":"é"}\n{}\n'), tmp_path / "out" / "log") == 2
    assert (tmp_path / "out" / "log").read_text() == '{"a":"é"}\n{}\n'


@pytest.mark.parametrize("pod", [Pod("{}\n", size=4), Pod('{"a"')])
def test_a_torn_log_is_refused(tmp_path, pod):
    with pytest.raises(DemoError, match="torn"):
        site.fetch_log(pod, tmp_path / "log")
