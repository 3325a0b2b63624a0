"""Does a query find what it finds with Scrapy's own selectors, in the same trees?"""

import random

import parsel.selector
import pytest
from lxml import html
from scrapy.http import HtmlResponse, TextResponse, XmlResponse
from scrapy.selector import Selector
from scrapy.utils import trackref

from crawlfleet_worker.fast import selectors
from crawlfleet_worker.fast.stock import StepAside
from tests.worker.fast.replaced import in_place

PIECES = [
    "<div class='a b' id=x>",
    "</div>",
    "<p>text &amp; more",
    "<A HREF='/p?q=1&amp;r'>link</A>",
    "<!-- a comment -->",
    "<?pi some?>",
    "<svg:rect a:b='c'/>",
    "<x-own>",
    "<form action=/go><input name=q value='1'><select name=s><option selected>o</select><textarea>t</textarea></form>",
    "<label for=x>l</label>",
    "<ul><li>1<li>2</ul>",
    "tail é \u2028 &nbsp; &unknown; &#0;",
    "<base href=/b/>",
    "<script>if (a < b) { '</p>' }</script>",
    "<br/><IMG SRC=x>",
    "\x00<b",
]
QUERIES = [
    "//a/@href",
    "//text()",
    "//node()",
    "//*",
    "//comment() | //processing-instruction()",
    ".//li[2]",
    "count(//p)",
    "string(//p)",
    "boolean(//form)",
    "1 div 0",
    "//p[re:test(text(), 'te.t')]",
    "set:difference(//li, //li[1])",
    "//svg:rect",
    "//p[",
    "unknown()",
    "//input/ancestor::form",
    "",
    "//@*",
    "..",
    "/",
]
STYLES = [
    "a::attr(href)",
    "li::text",
    "div.a",
    "x-own",
    "*::text",
    "a, li",
    "LI",
    "p[",
    "",
    "li::foo",
    "li:nth-child(2)",
    7,
    "",
    "p[",
]


class Other(Selector):
    """A class of the user's."""


@pytest.fixture
def quick():
    with in_place():
        yield lambda: selectors.install(None)


def document(seed):
    choice = random.Random(seed)
    return "".join(choice.choices(PIECES, k=choice.randrange(12)))


def seen(one):
    """All that can be asked of a selector."""
    root = one.root
    tag = getattr(root, "tag", root)
    kept = (one.type, one.namespaces, one._expr, one._huge_tree, one._text, one.response, type(one))
    attributes = dict(getattr(root, "attrib", {}))
    return (
        type(root),
        attributes,
        getattr(tag, "__name__", tag),
        kept,
        one.get(),
        one.extract(),
        one.getall(),
        one.re("[a-z]+"),
    )


def asked(selector, query, depth=1, **more):
    try:
        found = selector.xpath(query, **more)
    except Exception as error:
        return type(error), str(error)
    return (
        type(found),
        [seen(one) for one in found],
        found.get(),
        found.getall(),
        [child for one in found for child in children(one, depth)],
    )


def styled(one, css):
    try:
        return [seen(node) for node in one.css(css)]
    except Exception as error:
        return type(error), str(error)


def odd_pages():
    yield XmlResponse("http://a/", body=b"<r xmlns='urn:r'><li a='1'>t</li><li/></r>")
    yield TextResponse("http://a/", body=b'{"a": [1, "b"]}')
    yield OwnPage("http://a/", body=b"<li>1<li>2", encoding="utf-8")


class OwnPage(HtmlResponse):
    """A page whose selector is another one."""

    @property
    def selector(self):
        return Selector(text="<li>3")


def children(one, depth):
    queries = ("./text()", ".", ".//a/@href") if hasattr(one.root, "xpath") else (".",)
    return [asked(one, query, depth - 1) for query in queries] if depth else []


def all_of(seed):
    text = document(seed)
    page = HtmlResponse("http://a.example/b", body=text.encode(), encoding="utf-8")
    found = [asked(page.selector, query) for query in QUERIES]
    for one in (page, page.selector, page.css("div"), Other(text=text), Selector(text=text, type="xml"), *odd_pages()):
        found += [styled(one, css) for css in STYLES]
    found.append(asked(page.selector, "//a[@href=$url]", url="/p?q=1&r"))
    found.append(asked(page.selector, "//svg:rect", namespaces={"svg": "urn:s"}))
    found.append(asked(page.selector, "//p[re:test(text(), 'te.t')]", namespaces={"re": "urn:s"}))
    named = Selector(text=text)
    named.register_namespace("svg", "urn:s")
    found.append(asked(named, "//svg:rect | //p"))
    for other in (
        Other(text=text),
        Selector(text=text, type="xml"),
        TextResponse("http://a/", body=b'{"a": [1, "b"]}').selector,
    ):
        found += [asked(other, query) for query in QUERIES[:4]]
    found.append(asked(XmlResponse("http://a/", body=b"<r xmlns='urn:r'><i a='1'>t</i></r>").selector, "//*"))
    forms = [[(form.action, dict(form.form_values())) for form in page.selector.root.iter("form")]]
    page.selector.remove_namespaces()
    for one in page.css("li, p"):
        one.drop()
    return found, forms, page.selector.get()


@pytest.mark.parametrize("block", range(4))
def test_queries_find_the_same(quick, block):
    seeds = range(60 * block, 60 * block + 60)
    before = [all_of(seed) for seed in seeds]
    quick()
    assert parsel.selector._ctgroup["html"]["_parser"] is selectors.Parser
    for seed, wanted in zip(seeds, before, strict=True):
        assert all_of(seed) == wanted, seed


def test_selectors_are_counted_among_the_living(quick):
    quick()
    trackref.live_refs.clear()
    page = HtmlResponse("http://a/", body=b"<p>1</p><p>2</p>", encoding="utf-8")
    found = page.css("p")
    assert {kind.__name__: len(living) for kind, living in trackref.live_refs.items()}["Selector"] == 1 + len(found)


def test_many_queries_are_not_kept_for_ever(quick):
    quick()
    page = HtmlResponse("http://a/", body=b"<p>1</p>", encoding="utf-8")
    for number in range(selectors.MOST_QUERIES + 10):
        assert page.xpath(f"string({number})").get() == str(number)
        assert page.css(f"p:nth-child({number})::text").getall() == (["1"] if number == 1 else [])
    assert len(selectors._evaluators) <= selectors.MOST_QUERIES
    assert len(selectors._expressions) <= selectors.MOST_QUERIES


@pytest.mark.parametrize("name", ["xpath", "css", "get", "extract"])
def test_what_somebody_else_replaced_stays(quick, monkeypatch, name):
    monkeypatch.setattr(Selector, name, lambda *_: None)
    with pytest.raises(StepAside, match=f"Selector.{name} was replaced"):
        quick()


def test_a_parser_that_somebody_else_put_in_stays(quick, monkeypatch):
    monkeypatch.setitem(parsel.selector._ctgroup["html"], "_parser", type("Own", (html.HTMLParser,), {}))
    with pytest.raises(StepAside, match="parser of HTML"):
        quick()
