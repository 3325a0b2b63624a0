"""Does the reader of expressions see every name?"""

from tests.observability.promql import names_in


def test_metrics_with_and_without_braces_are_seen() -> None:
    names = names_in('sum by (a) (rate(one{x="1", y=~"2|3"}[5m])) / on (b) two > 0 or vector(three)')
    assert names.metrics == {"one", "two", "three"}
    assert names.matched == [("one", "x", "1"), ("one", "y", "2|3")]
    assert names.grouped == {"a", "b"}


def test_functions_ranges_and_strings_are_no_metrics() -> None:
    assert names_in('max_over_time((sum(m{l="word}{"}))[$__range:15s])').metrics == {"m"}
