"""Header names brought into their one form once, and headers copied as they are.

Replaces: `Headers.normkey`, `in`, `.get`, `.setdefault`, `.update` and `.items`, which bring every name and value into
their form again. The request and the response of a page have some thirty of them, looked at several times.
Steps aside: where one of these methods is not Scrapy's any more. For one object: a subclass; names that are longer
than 64 characters or no text.
Holds for: Scrapy 2.19 (process-wide).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import hdrs
from scrapy.crawler import Crawler
from scrapy.http import Headers

from crawlfleet_worker.fast.stock import put, require_defined_in

MOST_NAMES: Final = 1_000
LONGEST: Final = 64

KINDS: Final = (str, bytes, type(hdrs.ETAG))
"""What a name may be: aiohttp's text that knows no case too, which is what a name in its answers is."""

NAMES: Final = ("normkey", "__contains__", "get", "setdefault", "update", "items")
_replaced: Final = (
    Headers.normkey, Headers.__contains__, Headers.get, Headers.setdefault, Headers.update, Headers.items
)  # fmt: skip
_normkey, _contains, _get, _setdefault, _update, _items = _replaced
_forms: Final[dict[tuple[str | bytes, str], bytes]] = {}


def install(_crawler: Crawler) -> None:
    """Let headers remember names. StepAside where somebody else has replaced the methods."""
    for method in (Headers._tobytes, Headers.normvalue, Headers.getlist):
        require_defined_in(method, "scrapy")
    own = (normkey, contains, get, setdefault, update, items)
    for name, stock, ours in zip(NAMES, _replaced, own, strict=True):
        if getattr(Headers, name) is not ours:
            require_defined_in(getattr(Headers, name), "scrapy")
            require_defined_in(stock, "scrapy")
            put(Headers, name, ours)


def normkey(self: Headers, key: str | bytes) -> bytes:
    """Return the one form of a header's name."""
    if type(self) is not Headers or type(key) not in KINDS:
        return _normkey(self, key)
    form = _forms.get((key, self.encoding))
    if form is None:
        form = _normkey(self, key)
        if len(key) <= LONGEST and len(_forms) < MOST_NAMES:
            _forms[key, self.encoding] = form
    return form


def contains(self: Headers, key: str | bytes) -> bool:
    """Whether there is such a header."""
    form = _forms.get((key, self.encoding)) if type(self) is Headers else None
    return _contains(self, key) if form is None else dict.__contains__(self, form)


def get(self: Headers, key: str | bytes, def_val: Any = None) -> bytes | None:  # noqa: ANN401 - Scrapy's own signature
    """Return the last value of a header."""
    form = _forms.get((key, self.encoding)) if type(self) is Headers and def_val is None else None
    if form is None:
        return _get(self, key, def_val)
    values = dict.get(self, form)
    return values[-1] if values else None


def setdefault(self: Headers, key: str | bytes, def_val: Any = None) -> Any:  # noqa: ANN401 - Scrapy's own signature
    """Set a header where there is none, and return its values."""
    form = _forms.get((key, self.encoding)) if type(self) is Headers else None
    if form is None:
        return _setdefault(self, key, def_val)
    value = def_val.encode(self.encoding) if type(def_val) is str else def_val
    return dict.setdefault(self, form, [value] if type(value) is bytes else self.normvalue(value))


def update(self: Headers, seq: Any) -> None:  # noqa: ANN401 - Scrapy's own signature
    """Take the headers of another object."""
    if type(self) is not Headers:
        _update(self, seq)
        return
    found: dict[bytes, list[bytes]] = {}
    encoding, normalised = self.encoding, type(seq) is Headers
    for name, value in seq.items() if isinstance(seq, Mapping) else seq:
        of_name = found.setdefault(_forms.get((name, encoding)) or normkey(self, name), [])
        if type(value) is str:
            of_name.append(value.encode(encoding))
        else:
            of_name.extend(value if normalised else self.normvalue(value))
    dict.update(self, found)


def items(self: Headers) -> Iterable[tuple[bytes, list[bytes]]]:
    """Return names and values."""
    if type(self) is not Headers:
        return _items(self)
    encoding, found = self.encoding, []
    for name, values in dict.items(self):  # a name may have another form as bytes than as text: "aéb" has
        known = _forms.get((name, encoding)) == name or normkey(self, name) == name
        found.append((name, values if known else self.getlist(name)))
    return iter(found)
