"""Does the worker's benchmark compare like with like? Its short form, and what must stop it."""

import re

import pytest

from benchmarks.worker import inputs, pages, rounds
from benchmarks.worker.__main__ import check_floor
from tests.servers.site import Hit, NginxSite, nginx_site, page_path


def test_the_generated_site_hangs_together_and_has_ten_links_and_ten_kilobytes_a_page():
    site = pages.generated(300)
    found, queue = {page_path(0)}, [page_path(0)]
    while queue:
        links = re.findall(rb'href="([^"]+)"', site[queue.pop()])
        assert len(links) == pages.LINKS
        new = {link.decode() for link in links} - found
        found |= new
        queue += new
    assert found == set(site)
    assert 9_000 < sum(map(len, site.values())) / len(site) < 10_500
    assert site == pages.generated(300)


@pytest.mark.parametrize("side", ["ours", "ours_stock_handler", "floor"])
def test_a_side_fetches_every_page_once(side):
    with nginx_site(pages.generated(60), inputs.CONNECTIONS) as site:
        figures = rounds.once(site, side)
    assert min(figures.values()) > 0
    assert figures.get("least_fast_share", 0.0 if side != "floor" else 1.0) > 0.9
    assert {"cpu_seconds_per_1000_pages", "pages_per_second", "peak_rss_mib"} <= figures.keys()


@pytest.mark.parametrize(("paths", "items"), [(["/a"], 2), (["/a", "/b", "/b"], 2), (["/a", "/b", "/c"], 2), ("ab", 2)])
def test_a_run_with_other_pages_is_void(paths, items, tmp_path):
    site = NginxSite("http://127.0.0.1:1", {"/a": b"", "/b": b""}, tmp_path / "log")
    with pytest.raises(AssertionError, match="not fetched exactly once"):
        rounds._check_pages("ours", [Hit(path, 200, 1) for path in paths], site, items)
    rounds._check_pages("ours", [Hit("/a", 200, 1), Hit("/b", 200, 1)], site, 2)


def test_a_dear_bare_loop_is_no_floor():
    check_floor({"cpu_seconds_per_1000_pages": {"floor": 0.6, "vanilla": 3.1}})
    with pytest.raises(AssertionError, match="no floor"):
        check_floor({"cpu_seconds_per_1000_pages": {"floor": 0.7, "vanilla": 3.1}})
