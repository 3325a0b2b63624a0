"""What does a query find? The same nodes, in selectors that are made without the constructor's questions.

Replaces: `Selector.xpath`, `.css`, `.get` and `.extract` of `scrapy.selector`, where each query is looked up in several
tables, each node found goes through two constructors and each text or attribute through an exception; `.css` and
`.xpath` of `TextResponse`, which call these; and the parser of HTML, which asks a Python method for the class of each
element. lxml's own tables answer that here.
Steps aside: where methods or parser are not parsel's any more. For one query: a subclass, what is no HTML, namespaces
or variables of its own, what is no node of a tree, a query that fails.
Differs: `makeelement` of such a tree with a name in mixed case ("InPut") makes a plain HtmlElement.
Holds for: Scrapy 2.19 with parsel 1.12 (process-wide).
"""

from typing import Any, Final

import parsel.selector
from lxml import etree, html
from parsel import Selector as ParselSelector
from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.selector import Selector, SelectorList

from crawlfleet_worker.fast.stock import TEXT_PAGES, StepAside, put, require_defined_in
from crawlfleet_worker.fast.tally import fell_back

MOST_QUERIES: Final = 2_048
"""As many as parsel keeps."""

_PLAIN_NAMESPACES: Final = dict(ParselSelector._default_namespaces)
_OTHER: Final = ("SELECTORS", "other_query")
_TREE_FUNCTIONS: Final = "set:"
_stock_xpath: Final = ParselSelector.xpath
_stock_css: Final = ParselSelector.css
_stock_get: Final = ParselSelector.get
_stock_of_page: Final = (TextResponse.xpath, TextResponse.css)


def install(_crawler: Crawler) -> None:
    """Let queries be answered the short way. StepAside where somebody else has replaced a method or the parser."""
    if Selector.xpath is xpath:
        return
    for name, stock in (("xpath", _stock_xpath), ("css", _stock_css), ("get", _stock_get), ("extract", _stock_get)):
        if getattr(Selector, name) is not stock:
            raise StepAside(f"Selector.{name} was replaced")
    for method, package in (
        (TextResponse.xpath, "scrapy"), (TextResponse.css, "scrapy"), (Selector._css2xpath, "parsel"),
    ):  # fmt: skip
        require_defined_in(method, package)
    if parsel.selector._ctgroup["html"]["_parser"] is not html.HTMLParser:
        raise StepAside("parsel's parser of HTML was replaced")
    put(Selector, "xpath", xpath)
    put(Selector, "css", css)
    put(TextResponse, "xpath", page_xpath)
    put(TextResponse, "css", page_css)
    put(Selector, "get", get)
    put(Selector, "extract", get)
    parsel.selector._ctgroup["html"]["_parser"] = Parser


def xpath(self: Any, query: Any, namespaces: Any = None, **variables: Any) -> Any:  # noqa: ANN401 - parsel's signature
    """Return what the query finds, as `parsel.Selector.xpath` does."""
    if type(self) is not Selector or self.type != "html" or variables or namespaces or type(query) is not str:
        fell_back(_OTHER)
        return _stock_xpath(self, query, namespaces, **variables)
    root = self.root
    if self.namespaces != _PLAIN_NAMESPACES or not isinstance(root, html.HtmlElement):
        fell_back(_OTHER)
        return _stock_xpath(self, query, namespaces)
    try:
        found = _evaluator(query)(root)
    except Exception:
        fell_back(_OTHER)
        return _stock_xpath(self, query, namespaces)
    nodes = found if type(found) is list else [found]
    return SelectorList([_selector(node, query) for node in nodes])


def css(self: Any, query: Any) -> Any:  # noqa: ANN401 - parsel's signature
    """Return what the query finds, as `parsel.Selector.css` does."""
    if type(self) is not Selector or self.type != "html" or type(query) is not str:
        return _stock_css(self, query)
    expression = _expressions.get(query)
    if expression is None:
        expression = self._css2xpath(query)
        if len(_expressions) >= MOST_QUERIES:
            _expressions.clear()
        _expressions[query] = expression
    return xpath(self, expression)


def page_xpath(self: Any, query: Any, **named: Any) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Return what the query finds on a page."""
    if type(self) not in TEXT_PAGES:
        return _stock_of_page[0](self, query, **named)
    selector = self._cached_selector
    return (self.selector if selector is None else selector).xpath(query, **named)


def page_css(self: Any, query: Any) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Return what the query finds on a page."""
    if type(self) not in TEXT_PAGES:
        return _stock_of_page[1](self, query)
    selector = self._cached_selector
    return (self.selector if selector is None else selector).css(query)


def get(self: Any) -> Any:  # noqa: ANN401 - parsel's signature
    """Return the node as text, as `parsel.Selector.get` does."""
    root = self.root
    return root if type(root) is str else _stock_get(self)


def _selector(root: object, query: str) -> Selector:
    """Return what the two constructors make of a node that a query of HTML found."""
    made = Selector.__new__(Selector)
    made.response = None
    made.root = root
    made.type = "html"
    made.namespaces = _PLAIN_NAMESPACES.copy()
    made._expr = query
    made._huge_tree = True
    made._text = None
    return made


def _evaluator(query: str) -> etree.XPath:
    evaluator = _evaluators.get(query)
    if evaluator is None:
        evaluator = parsel.selector._get_xpath_evaluator(query, _PLAIN_NAMESPACES, False)
        if _TREE_FUNCTIONS in query:
            return evaluator  # parsel makes it anew each time: it keeps an error log
        if len(_evaluators) >= MOST_QUERIES:
            _evaluators.clear()
        _evaluators[query] = evaluator
    return evaluator


_evaluators: dict[str, etree.XPath] = {}
_expressions: dict[str, str] = {}
"""CSS → XPath."""


class Parser(html.HTMLParser):  # type: ignore[misc]
    """lxml.html's parser with one table of classes for all documents."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - lxml's options
        etree.HTMLParser.__init__(self, **options)
        self.set_element_class_lookup(_CLASSES)


def _classes() -> etree.ElementClassLookup:
    others = etree.ElementDefaultClassLookup(
        html.HtmlElement, html.HtmlComment, html.HtmlProcessingInstruction, html.HtmlEntity
    )
    lookup = etree.ElementNamespaceClassLookup(others)
    registry = lookup.get_namespace(None)
    for name, kind in html.HtmlElementClassLookup._default_element_classes.items():
        registry[name] = registry[name.upper()] = kind
    return lookup


_CLASSES: Final = _classes()
