"""Does the same request always have the same id, band and host, and another one another?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlfleet_frontier import identity
from crawlfleet_frontier.errors import BadInput

FINGERPRINT = bytes(range(20))


def test_an_id_is_a_signed_64_bit_number_in_decimal():
    assert identity.request_id(b"\x00" * 7 + b"\x2a" + b"rest") == "42"
    assert identity.request_id(b"\xff" * 8) == "-1"
    assert identity.request_id(b"\x80" + b"\0" * 7) == str(-(2**63))


@given(st.binary(min_size=8, max_size=32))
def test_ids_fit_into_redis_sorted_arrays_of_integers(fingerprint):
    assert -(2**63) <= int(identity.request_id(fingerprint)) < 2**63
    assert -(2**63) <= int(identity.child_id("seed", 0, fingerprint)) < 2**63


def test_a_short_fingerprint_is_refused():
    with pytest.raises(BadInput, match="at least 8 bytes, this one 4"):
        identity.request_id(b"1234")


def test_a_child_is_known_by_parent_place_and_fingerprint():
    first = identity.child_id("seed", 0, FINGERPRINT)
    assert first == identity.child_id("seed", 0, FINGERPRINT)
    others = {
        identity.child_id("seed", 1, FINGERPRINT),
        identity.child_id("7", 0, FINGERPRINT),
        identity.child_id("seed", 0, FINGERPRINT[::-1]),
        identity.request_id(FINGERPRINT),
        first,
    }
    assert len(others) == 5


def test_the_parts_of_a_child_do_not_run_into_each_other():
    assert identity.child_id("1", 11, b"x" * 8) != identity.child_id("11", 1, b"x" * 8)


@pytest.mark.parametrize(
    ("priority", "band"),
    [
        (1000, 0),
        (100, 0),
        (99, 1),
        (10, 1),
        (9, 2),
        (1, 2),
        (0, 3),
        (-1, 4),
        (-9, 4),
        (-10, 5),
        (-99, 5),
        (-100, 6),
        (-999, 6),
        (-1000, 7),
        (-(10**9), 7),
    ],
)
def test_the_table_of_bands(priority, band):
    assert identity.band_of(priority) == band


@given(st.integers(), st.integers())
def test_a_higher_priority_never_comes_later(one, other):
    low, high = sorted((one, other))
    assert identity.band_of(high) <= identity.band_of(low)
    assert 0 <= identity.band_of(one) < identity.BANDS


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.COM/a", "example.com"),
        ("http://example.com:8080/", "example.com"),
        ("http://example.com./", "example.com"),
        ("http://user:secret@example.com/", "example.com"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("http://BÜCHER.example/", "xn--bcher-kva.example"),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://ex%61mple.com/", "example.com"),
        ("http://a_b.example/", "a_b.example"),
        ("http://127.0.0.1:99/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://0x7f.0.0.1/", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://[::1]:80/", "::1"),
        ("http://[2001:DB8:0:0::1]/", "2001:db8::1"),
    ],
)
def test_one_host_has_one_spelling(url, host):
    assert identity.host_of(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "/relative",
        "",
        "mailto:a@b.example",
        "http://",
        "http:///path",
        "http://a b.example/",
        "http://a..b/",
        "http://*/",
        "http://" + "a" * 300 + "/",
        "http://[::1/",
        "http://[zz]/",
        "http://" + "ü" * 80 + ".example/",
        "http://./",
    ],
)
def test_a_url_without_a_host_that_could_be_asked_for_is_refused_by_name(url):
    with pytest.raises(BadInput, match=r"host|URL"):
        identity.host_of(url)


def test_a_plain_fingerprint_tells_method_url_and_body_apart():
    found = {
        identity.url_fingerprint("http://a.example/"),
        identity.url_fingerprint("http://a.example/b"),
        identity.url_fingerprint("http://a.example/", "POST"),
        identity.url_fingerprint("http://a.example/", "POST", b"x"),
    }
    assert len(found) == 4


AUTHORITIES = st.text(st.sampled_from("aZ0.-_~:@[]%/?#\\ \n\té中"), max_size=14)


@settings(max_examples=3000, deadline=None)
@given(scheme=st.sampled_from(["http://", "https://", "HTTP://", "ftp://", "http:", ""]), rest=AUTHORITIES)
def test_a_host_that_is_read_off_is_the_one_that_taking_the_url_apart_gives(scheme, rest):
    def outcome(function, url):
        try:
            return function(url)
        except BadInput as error:
            return str(error)

    url = scheme + rest
    assert outcome(identity.host_of, url) == outcome(identity._host_of_odd, url)
