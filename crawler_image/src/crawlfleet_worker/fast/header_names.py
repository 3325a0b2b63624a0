"""Header names brought into their one form once, and headers copied as they are.

Replaces: `Headers.normkey`, `.update` from other headers, and `.items`, which bring every name and value
into their form again. The request and the response of a page have some thirty of them, looked at several times.
Steps aside: where one of these methods is not Scrapy's any more. For one object: a subclass; names that are longer
than 64 characters or no text.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from scrapy.crawler import Crawler
from scrapy.http import Headers

from crawlfleet_worker.fast.stock import put, require_defined_in

MOST_NAMES: Final = 1_000
LONGEST: Final = 64

_replaced: Final = (Headers.normkey, Headers.update, Headers.items)
_normkey, _update, _items = _replaced
_forms: Final[dict[tuple[str | bytes, str], bytes]] = {}


def install(_crawler: Crawler) -> None:
    """Let headers remember names. StepAside where somebody else has replaced the methods."""
    for method in (Headers._tobytes, Headers.normvalue, Headers.getlist):
        require_defined_in(method, "scrapy")
    for name, stock, ours in zip(("normkey", "update", "items"), _replaced, (normkey, update, items), strict=True):
        if getattr(Headers, name) is not ours:
            require_defined_in(getattr(Headers, name), "scrapy")
            require_defined_in(stock, "scrapy")
            put(Headers, name, ours)


def normkey(self: Headers, key: str | bytes) -> bytes:
    """Return the one form of a header's name."""
    if type(self) is not Headers or type(key) not in (str, bytes):
        return _normkey(self, key)
    form = _forms.get((key, self.encoding))
    if form is None:
        form = _normkey(self, key)
        if len(key) <= LONGEST and len(_forms) < MOST_NAMES:
            _forms[key, self.encoding] = form
    return form


def update(self: Headers, seq: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
    """Take the headers of another object."""
    if type(self) is not Headers or type(seq) is not Headers:
        _update(self, seq)
        return
    found: dict[bytes, list[bytes]] = {}
    encoding = self.encoding
    for name, values in items(seq):
        found.setdefault(_forms.get((name, encoding)) or normkey(self, name), []).extend(values)
    dict.update(self, found)


def items(self: Headers) -> Iterable[tuple[bytes, list[bytes]]]:
    """Return names and values."""
    return _known_items(self) if type(self) is Headers else _items(self)


def _known_items(headers: Headers) -> Iterator[tuple[bytes, list[bytes]]]:
    encoding = headers.encoding
    for name, values in dict.items(headers):  # a name may have another form as bytes than as text: "aéb" has
        known = _forms.get((name, encoding)) == name or normkey(headers, name) == name
        yield name, values if known else headers.getlist(name)
