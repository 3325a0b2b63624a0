"""The operator dies in the middle of a crawl, and the crawl does not notice (short form of the evidence)."""

from tests.e2e.crawls import Crawls
from tests.e2e.kills import TREE, crawl_and_kill
from tests.e2e.site import Site


def test_a_killed_operator_changes_nothing_about_the_end(crawls: Crawls, operator: str, site: Site) -> None:
    outcome = crawl_and_kill(crawls, site, operator, seed=0, kills=3)
    assert (outcome.phase, outcome.missing, outcome.extra) == ("Complete", 0, 0)
    assert outcome.done >= len(TREE)
    assert outcome.redis_restarts == 0
