"""Which metrics, labels and label values a PromQL expression names. Whether it parses, Prometheus itself says."""

import re
from dataclasses import dataclass, field

_STRING = r'"(?:[^"\\]|\\.)*"'
_SELECTOR = re.compile(rf"(?P<metric>[a-zA-Z_:][\w:]*)\s*\{{(?P<matchers>(?:{_STRING}|[^{{}}])*)\}}")
_MATCHER = re.compile(rf"(?P<label>\w+)\s*(?:=~|!~|!=|=)\s*(?P<value>{_STRING})")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_CALLED = re.compile(r"\b\w+(?=\s*\()")
_WORD = re.compile(r"\b[a-zA-Z_][\w:]*\b")
_RANGE = re.compile(r"\[[^\]]*\]")
_KEYWORDS = frozenset({"and", "or", "unless", "bool", "offset"})


@dataclass
class Names:
    """What an expression names."""

    metrics: set[str] = field(default_factory=set)
    matched: list[tuple[str, str, str]] = field(default_factory=list)
    """(metric, label, value) of each matcher."""
    grouped: set[str] = field(default_factory=set)
    """Labels in `by (…)`, `on (…)` and the like."""


def names_in(expr: str) -> Names:
    """Read an expression's names; strings and ranges are not names."""
    found = Names()
    for selector in _SELECTOR.finditer(expr):
        found.metrics.add(selector["metric"])
        for matcher in _MATCHER.finditer(selector["matchers"]):
            found.matched.append((selector["metric"], matcher["label"], matcher["value"][1:-1]))
    rest = _RANGE.sub("", _SELECTOR.sub(" ", expr))
    for group in _GROUPING.finditer(rest):
        found.grouped |= set(re.findall(r"\w+", group[1]))
    rest = _CALLED.sub(" ", _GROUPING.sub(" ", rest))
    found.metrics |= set(_WORD.findall(rest)) - _KEYWORDS
    return found
