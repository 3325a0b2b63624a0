"""Does an extractor find the same links in the same order, whatever it was told and whatever the page is?"""

import random

import pytest
from scrapy.http import HtmlResponse, TextResponse
from scrapy.linkextractors import LinkExtractor
from scrapy.selector import Selector

from tests.worker.fast.odd_urls import link
from tests.worker.fast.replaced import in_place

EXTRACTORS = {
    "plain": {},
    "allow": {"allow": "[a-m]"},
    "deny": {"deny": ["[xyz]$", "#"]},
    "domains": {"allow_domains": ["a.example", "b.example"], "deny_domains": "c.a.example"},
    "extensions": {"deny_extensions": ["html", "a"]},
    "all extensions": {"deny_extensions": []},
    "text": {"restrict_text": "1"},
    "tags": {"tags": ("a", "area", "link", "img"), "attrs": ("href", "src"), "deny_attrs": "src"},
    "several attributes": {"tags": ("a", "img"), "attrs": ("href", "src", "data-x")},
    "every tag": {"tags": "*", "attrs": "*", "deny_tags": "img"},
    "canonical": {"canonicalize": True},
    "not unique": {"unique": False, "strip": False},
    "a function": {"process_value": lambda value: None if "b" in value else value.upper()},
    "a part": {"restrict_css": "p", "restrict_xpaths": "//div"},
}
BASES = ("http://a.example/b/c.html", "https://c.a.example/", "http://a.example:8080/b/../c?d=e", "http://A.example/ä/")


def page(number):
    rng = random.Random(number)
    pieces = [
        "<html><head>",
        "<base href='/other/'>" if number % 5 == 4 else "",
        "</head><body><svg><a href='s'/></svg>",
    ]
    for place in range(30):
        url = (
            link(rng)
            if rng.random() < 0.5
            else rng.choice(("", "c", "./d", "/e/f", "../g", "#h", "?i=j", " k ", "l m"))
        )
        rel = rng.choice(("", " rel=nofollow", " rel='x NoFollow,y'", " rel"))
        text = rng.choice((str(place), f"<b>{place}</b>!", f"{place}<!-- {place} -->", "", " x\n"))
        tag, name = rng.choice((("a", "href"), ("A", "HREF"), ("area", "href"), ("img", "src"), ("a", "data-x")))
        around = rng.choice(("p", "div", "span"))
        quoted = str(url).replace("'", "&#39;")
        pieces.append(f"<{around}><{tag} {name}='{quoted}' title='t'{rel}>{text}</{tag}></{around}>")
    body = "".join(pieces).encode("utf-8", "surrogatepass")
    return HtmlResponse(BASES[number % len(BASES)], body=body, encoding=rng.choice(("utf-8", "cp1252", "utf-16")))


def found(kind, pages):
    extractor = LinkExtractor(**EXTRACTORS[kind])
    links = []
    for one in pages:
        try:
            links.append([(x.url, str(x.text), x.fragment, x.nofollow) for x in extractor.extract_links(one)])
        except Exception as error:
            links.append(repr(error))
    return links


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_the_same_links(kind):
    stock = found(kind, map(page, range(120)))
    with in_place("EXTRACTION"):
        fast = found(kind, map(page, range(120)))
    assert fast == stock
    assert sum(map(len, stock)) > 100


def test_rules_that_change_are_followed():
    body = b"<a href='/a'>1</a><a href='/b'>2</a>"
    with in_place("EXTRACTION"):
        extractor = LinkExtractor()
        first = HtmlResponse("http://a.example/", body=body)
        assert len(extractor.extract_links(first)) == 2
        extractor.deny_domains.add("a.example")
        assert extractor.extract_links(first) == []
        extractor.deny_domains.clear()
        extractor.allow_res.append(__import__("re").compile("b$"))
        assert [one.url for one in extractor.extract_links(first)] == ["http://a.example/b"]


@pytest.mark.parametrize("body", [b"", b"<", b"no page", b"<a href=x>"])
def test_odd_pages(body):
    pages = [HtmlResponse("http://a.example/", body=body), TextResponse("http://a.example/", body=body)]
    stock = found("plain", pages)
    with in_place("EXTRACTION"):
        assert found("plain", pages) == stock


def test_text_does_not_keep_the_page():
    with in_place("EXTRACTION"):
        page = HtmlResponse("http://a.example/", body=b"<a href=/a>1</a><a href=/b><b>2</b></a>")
        assert {type(one.text) for one in LinkExtractor().extract_links(page)} == {str}
    assert isinstance(page.selector, Selector)
