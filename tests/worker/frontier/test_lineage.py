"""Is every request known as the child of the right parent, with the same ordinal each time?"""

import gc

from scrapy import Request

from crawlfleet_worker.frontier.lineage import Holding, Lineage, Work


def in_engine(lineage, url="http://a.example/"):
    request, work = Request(url), Work(Holding(None), "7")
    lineage.begin(request, work)
    return request, work


def test_children_are_counted_as_they_are_yielded_and_items_are_not():
    lineage = Lineage()
    parent, work = in_engine(lineage)
    first, second = Request("http://a.example/1"), Request("http://a.example/2")
    assert list(lineage.tagged([first, {"an": "item"}, second], parent)) == [first, {"an": "item"}, second]
    origins = [lineage.take_origin(one) for one in (first, second)]
    assert [(one.parent, one.work, one.ordinal) for one in origins] == [(parent, work, 0), (parent, work, 1)]


async def test_an_async_callback_too():
    lineage = Lineage()
    parent, _ = in_engine(lineage)
    child = Request("http://a.example/1")

    async def callback():
        yield child

    assert [one async for one in lineage.tagged(callback(), parent)] == [child]
    assert lineage.take_origin(child).parent is parent


def test_one_object_yielded_twice_is_two_children():
    lineage = Lineage()
    parent, _ = in_engine(lineage)
    child = Request("http://a.example/1")
    list(lineage.tagged([child, child], parent))
    assert [lineage.take_origin(child).ordinal for _ in range(2)] == [0, 1]
    assert lineage.take_origin(child) is None


def test_a_copy_of_the_meta_is_no_relation():
    lineage = Lineage()
    parent, _ = in_engine(lineage)
    assert lineage.take_origin(Request("http://b.example/", meta=parent.meta)) is None


def test_what_nobody_holds_any_more_is_forgotten():
    lineage = Lineage()
    parent, _ = in_engine(lineage)
    list(lineage.tagged([Request(f"http://a.example/{n}") for n in range(10)], parent))
    gc.collect()
    assert len(lineage._origins) == 0
    assert lineage.end(parent) is not None
    assert lineage.end(parent) is None
