"""The judge's rules, each on a small tree; and what makes it say no."""

import ast
import json
import sys
from pathlib import Path

import pytest

from demo import judge
from demo.judge import Rules, Site, identity, reachable

HOST = "docs.example"
SEED = f"http://{HOST}/"


@pytest.fixture
def tree(tmp_path):
    def build(**files: str) -> Site:
        for name, text in files.items():
            file = tmp_path / "site" / HOST / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return Site(tmp_path / "site")

    return build


def rules(**changes) -> Rules:
    return Rules(**{"seeds": (SEED,), "hosts": frozenset({HOST}), **changes})


def paths(site: Site, given: Rules | None = None) -> dict[str, int]:
    found = reachable(site, given or rules())
    return {address.removeprefix(f"http://{HOST}"): status for address, status in found.items()}


def log_of(*requests: tuple[str, int], host: str = HOST, method: str = "GET") -> list[str]:
    return [json.dumps({"method": method, "host": host, "uri": uri, "status": status}) for uri, status in requests]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<a href="b.html">', {"/b.html": 404}),
        ('<a href=" \n b.html\t">', {"/b.html": 404}),
        ('<area href="b.html">', {"/b.html": 404}),
        ('<link href="b.css"><img src="c.png"><iframe src="d.html"></iframe>', {}),
        ('<!-- <a href="b.html"> -->', {}),
        ("<script>'<a href=\"b.html\">'</script>", {}),
        ('<a href="#here">', {}),
        ('<a href="b.html#x"><a href="b.html#y">', {"/b.html": 404}),
        ('<a href="b.html?q=1&amp;r=2">', {"/b.html?q=1&r=2": 404}),
        ('<a href="b.html?r=2&amp;q=1"><a href="b.html?q=1&amp;r=2">', {"/b.html?q=1&r=2": 404}),
        ('<base href="/deep/"><a href="b.html">', {"/deep/b.html": 404}),
        ('<a href="../../b.html">', {"/b.html": 404}),
        ('<a href="%62.html"><a href="b.html">', {"/b.html": 404}),
        ('<a href="caf\u00e9.html"><a href="caf%C3%A9.html">', {"/caf%C3%A9.html": 404}),
        ('<a href="mailto:a@b.example"><a href="javascript:go()"><a href="ftp://docs.example/x">', {}),
        ('<a href="http://elsewhere.example/"><a href="http://docs.example.evil.example/">', {}),
        ('<a href="HTTP://DOCS.example:80/b.html">', {"/b.html": 404}),
        ('<a href="http://[">', {}),
        ('<a rel="nofollow" href="b.html">', {"/b.html": 404}),
        ("<a>no address</a>", {}),
    ],
)
def test_what_a_link_is(tree, markup, expected):
    assert paths(tree(**{"index.html": markup})) == {"/": 200, **expected}


def test_pages_are_followed_to_the_end_and_only_html_is_read(tree):
    site = tree(
        **{
            "index.html": '<a href="b.html">',
            "b.html": '<a href="notes.txt">',
            "notes.txt": '<a href="c.html">',
            "unlinked.html": "",
        }
    )
    assert paths(site) == {"/": 200, "/b.html": 200, "/notes.txt": 200}


def test_a_directory_redirects_to_its_slash_and_both_names_of_the_index_are_pages(tree):
    site = tree(**{"index.html": '<a href="sub">', "sub/index.html": '<a href="index.html"><a href="leaf.html">'})
    assert paths(site) == {"/": 200, "/sub/": 200, "/sub/index.html": 200, "/sub/leaf.html": 404}


def test_a_directory_without_an_index_is_forbidden(tree):
    assert paths(tree(**{"index.html": '<a href="sub/">', "sub/leaf.html": ""})) == {"/": 200, "/sub/": 403}


def test_allow_and_deny_see_the_whole_address_and_do_not_bind_seeds(tree):
    site = tree(**{"index.html": '<a href="a.html#x"><a href="b.html"><a href="c.txt">'})
    assert paths(site, rules(allow=(r"\.html(#|$)",), deny=("b",))) == {"/": 200, "/a.html": 404}


def test_a_log_equal_to_the_files_is_equal(tree):
    site = tree(
        **{"index.html": '<a href="b.html"><a href="gone.html"><a href="sub">', "sub/index.html": ""} | {"b.html": ""}
    )
    log = log_of(
        ("/", 200),
        ("/b.html", 200),
        ("/gone.html", 404),
        ("/sub", 301),
        ("/sub/", 200),
        ("/robots.txt", 404),
        ("/", 200),
    )
    verdict = judge.judge(site, rules(), log)
    assert verdict.equal
    assert (verdict.reachable, verdict.repeats) == (4, 1)
    assert verdict.pages_by_host == {HOST: 4}


@pytest.mark.parametrize(
    ("log", "part"),
    [
        (log_of(("/", 200)), "reachable but not crawled"),
        (log_of(("/", 200), ("/b.html", 200), ("/secret.html", 200)), "crawled but not reachable"),
        (log_of(("/", 200), ("/b.html", 502)), "answered otherwise"),
        (log_of(("/", 200), ("/b.html", 200)) + log_of(("/", 200), host="other.example"), "crawled but not"),
    ],
)
def test_a_planted_difference_exits_1_and_is_named(tree, tmp_path, capsys, log, part):
    site = tree(**{"index.html": '<a href="b.html">', "b.html": "", "secret.html": ""})
    file = tmp_path / "access.jsonl"
    file.write_text("\n".join(log))
    assert judge.main(["--site", str(site.root), "--log", str(file), "--seed", SEED]) == 1
    assert part in capsys.readouterr().out


def test_the_same_by_hand_without_a_difference_exits_0(tree, tmp_path):
    site = tree(**{"index.html": '<a href="b.html">', "b.html": ""})
    file = tmp_path / "access.jsonl"
    file.write_text("\n".join(log_of(("/", 200), ("/b.html", 200))))
    assert judge.main(["--site", str(site.root), "--log", str(file), "--seed", SEED]) == 0


@pytest.mark.parametrize("line", ['{"method": "GET", "ho', '{"method": "GET"}', "[]", ""])
def test_a_torn_log_proves_nothing(tree, line):
    with pytest.raises(ValueError, match="line 1 of the access log"):
        judge.judge(tree(**{"index.html": ""}), rules(), [line])


def test_an_empty_site_is_never_equal(tmp_path):
    assert not judge.judge(Site(tmp_path), rules(seeds=()), []).equal


def test_addresses_longer_than_scrapy_takes_are_not_followed(tree):
    assert paths(tree(**{"index.html": f'<a href="{"x" * 2100}">'})) == {"/": 200}


def test_identity_keeps_what_differs():
    assert len({identity(f"{SEED}{end}") for end in ("a", "A", "a/", "a?", "a?b", "a?b=", "a%2Fb", "a/b")}) == 6


def test_it_imports_the_standard_library_only():
    tree = ast.parse(Path(judge.__file__).read_text())
    names = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
