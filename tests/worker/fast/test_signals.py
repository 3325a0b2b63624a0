"""Does every receiver hear what it heard, and does what it raises come to the same?"""

import logging
import random

import pytest
from pydispatch import dispatcher
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.signalmanager import SignalManager
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from crawlfleet_worker.fast.signals import Sending

SIGNALS = [object() for _ in range(3)]
HEARD: "list[tuple]" = []


def nothing():
    HEARD.append(("nothing",))


def one(item):
    HEARD.append(("one", item))
    return item


def all_of_it(**named):
    HEARD.append(("all", *sorted(named)))


def only_by_name(item, *, spider=None):
    HEARD.append(("only", item, spider))


def raises(item, spider):
    HEARD.append(("raises", item))
    raise ValueError(item)


def ignores():
    raise IgnoreRequest("no")


def stops():
    raise StopDownload


def defers():
    return succeed(7)


async def later(item):
    HEARD.append(("later", item))
    return item


async def raises_later(item, sender):
    raise KeyError(item)


class Thing:
    def method(self, item, signal):
        HEARD.append(("method", item))

    def __call__(self, spider):
        HEARD.append(("called", spider))

    @classmethod
    def of_class(cls, item="own"):
        HEARD.append(("class", item))


THING = Thing()
PLAIN = [nothing, one, all_of_it, only_by_name, raises, ignores, stops, THING.method, THING, Thing.of_class]
RECEIVERS = [*PLAIN, defers, later, raises_later]


def told(results):
    return [(receiver, type(result), repr(value(result))) for receiver, result in results]


def value(result):
    return result.value if isinstance(result, Failure) else "…" if isinstance(result, Deferred) else result


@pytest.fixture
def connected():
    connections = []

    def connect(receiver, signal, sender):
        dispatcher.connect(receiver, signal, sender)
        connections.append((receiver, signal, sender))

    yield connect
    for receiver, signal, sender in connections:
        dispatcher.disconnect(receiver, signal, sender)


async def both(send, short, signal, caplog, **named):
    """Send both ways; return what each came to: results, what was heard, what was logged."""
    outcomes = []
    for way in (send, short):
        HEARD.clear()
        caplog.clear()
        found = way(signal, **named)
        results = told(await found if hasattr(found, "__await__") else found)
        logged = [
            (r.name, r.levelno, r.getMessage(), bool(r.exc_info), getattr(r, "spider", 0)) for r in caplog.records
        ]
        outcomes.append((results, list(HEARD), logged))
    return outcomes


@pytest.mark.filterwarnings("ignore::scrapy.exceptions.ScrapyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("seed", range(40))
async def test_both_ways_call_the_same_receivers_with_the_same_outcome(seed, connected, caplog):
    choice, sender = random.Random(seed), object()
    manager = SignalManager(sender)
    short = Sending(manager)
    for receiver in choice.sample(RECEIVERS, 5):
        where = choice.choice([sender, sender, dispatcher.Any])
        connected(receiver, choice.choice([*SIGNALS, dispatcher.Any]), where)
    caplog.set_level(logging.WARNING)
    for signal in SIGNALS:
        named = choice.choice([{"item": 1}, {"item": 1, "spider": "s"}, {"item": 2, "spider": "s", "more": 3}])
        for dont_log in ({}, {"dont_log": IgnoreRequest}, {"dont_log": (ValueError, KeyError)}):
            stock, ours = await both(
                manager.send_catch_log_async, short.send_async, signal, caplog, **named, **dont_log
            )
            assert ours == stock
            if not any(kind in repr(stock[0]) for kind in ("later", "defers")):
                stock, ours = await both(manager.send_catch_log, short.send, signal, caplog, **named, **dont_log)
                assert ours == stock


def test_a_receiver_that_was_let_go_is_not_called(connected):
    sender, manager = object(), None
    manager = SignalManager(sender)
    thing = Thing()
    manager.connect(thing.method, SIGNALS[0])
    short = Sending(manager)
    assert len(short.send(SIGNALS[0], item=1)) == 1
    del thing
    assert short.send(SIGNALS[0], item=1) == []
