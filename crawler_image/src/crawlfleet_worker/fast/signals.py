"""Signals: nothing where nobody listens, and plain calls where somebody does.

Replaces: `SignalManager.send_catch_log` and `send_catch_log_async`, which look at four lists of receivers, ask each
receiver for its arguments every time, and (the second) start a task for each. What is sent, to whom, in which order,
and what becomes of an exception stays.
Steps aside: another manager, or one whose methods were replaced. For one signal: a sender of its own, or (the second)
a receiver that is a coroutine function.
Holds for: Scrapy 2.19.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

from pydispatch.dispatcher import WEAKREF_TYPES, connections, getAllReceivers, liveReceivers
from pydispatch.dispatcher import Any as AnySignal
from pydispatch.robustapply import function
from pydispatch.saferef import BoundMethodWeakref
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.signalmanager import SignalManager
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.python import global_object_name
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from crawlfleet_worker.fast.stock import put, require_class, require_own
from crawlfleet_worker.fast.tally import fell_back

Receiver = Callable[..., Any]
Results = list[tuple[Any, Any]]

_VAR_KEYWORDS: Final = inspect.CO_VARKEYWORDS
_ANYBODY: Final = id(AnySignal)
_NOTHING: Final[Mapping[object, list[Any]]] = {}
_NOT_LOGGED: Final = (StopDownload,)
_COROUTINE: Final = ("SIGNALS", "coroutine")
_NAMED: Final = (FunctionType, MethodType)

scrapys_logger = logging.getLogger("scrapy.utils.signal")


def install(crawler: Crawler) -> None:
    """Let the crawler's signals be sent the short way. StepAside where its manager is not Scrapy's own."""
    manager = crawler.signals
    require_class(manager, SignalManager)
    require_own(manager, "send_catch_log", "send_catch_log_async")
    sending = Sending(manager)
    put(manager, "send_catch_log", sending.send)
    put(manager, "send_catch_log_async", sending.send_async)


class Sending:
    """Sends the signals of one crawler."""

    def __init__(self, manager: SignalManager) -> None:
        self._sender = manager.sender
        self._stock, self._stock_async = manager.send_catch_log, manager.send_catch_log_async
        self._listening = id(manager.sender)

    def send(self, signal: Any, **named: Any) -> Results:  # noqa: ANN401 - Scrapy's own signature
        """Call all who listen; an exception is logged, and a Failure stands for it."""
        if "sender" in named:
            return self._stock(signal, **named)
        own = connections.get(self._listening, _NOTHING)
        unusual = _ANYBODY in connections or AnySignal in own
        receivers = self._live(signal) if unusual else own.get(signal)
        if not receivers:
            return []
        dont_log = (*_types(named.pop("dont_log")), StopDownload) if "dont_log" in named else _NOT_LOGGED
        results: Results = []
        given = {"signal": signal, "sender": self._sender, **named}
        for one in receivers:
            receiver = one if unusual else alive(one)
            if receiver is None:
                continue
            try:
                result = apply(receiver, given)
                if result is not None and isinstance(result, Deferred):
                    _log("Cannot return deferreds from signal handler: %(receiver)s", receiver, named, exc_info=False)
            except dont_log:
                result = Failure()  # type: ignore[no-untyped-call]
            except Exception:
                result = Failure()  # type: ignore[no-untyped-call]
                _log("Error caught on signal handler: %(receiver)s", receiver, named)
            results.append((receiver, result))
        return results

    async def send_async(self, signal: Any, **named: Any) -> Results:  # noqa: ANN401 - Scrapy's own signature
        """Call all who listen, and wait for those that answer later; an exception is logged and stands for itself."""
        if "sender" in named:
            return await self._stock_async(signal, **named)
        receivers = list(self._live(signal))
        if not receivers:
            return []
        if any(map(_is_coroutine, receivers)):
            fell_back(_COROUTINE)
            return await self._stock_async(signal, **named)
        dont_log = _types(named.pop("dont_log")) if "dont_log" in named else ()
        given = {"signal": signal, "sender": self._sender, **named}
        results: Results = []
        later: dict[int, Awaitable[Any]] = {}
        for receiver in receivers:
            result = _guarded(receiver, given, dont_log)
            if result is not None and (isinstance(result, Deferred) or inspect.isawaitable(result)):
                later[len(results)] = _awaited(receiver, result, given, dont_log)
            results.append((receiver, result))
        for place, result in zip(later, await asyncio.gather(*later.values()) if later else (), strict=True):
            results[place] = (results[place][0], result)
        return results

    def _live(self, signal: object) -> Iterable[Receiver]:
        """Return who listens, in pydispatch's order; mostly all of them have asked for this signal of this sender."""
        own = connections.get(self._listening, _NOTHING)
        if _ANYBODY in connections or AnySignal in own:
            return tuple(liveReceivers(getAllReceivers(self._sender, signal)))
        references = own.get(signal)
        return _living(references) if references else ()


def _living(references: list[Any]) -> Iterator[Receiver]:
    for reference in references:
        receiver = alive(reference)
        if receiver is not None:
            yield receiver


def alive(reference: Any) -> Receiver | None:  # noqa: ANN401 - what `connect` was given, or a reference to it
    """Return the receiver; None where it is gone, or was never counted as one."""
    if type(reference) is BoundMethodWeakref:
        owner, method = reference.weakSelf(), reference.weakFunc()
        return None if owner is None or method is None else MethodType(method, owner)
    if isinstance(reference, WEAKREF_TYPES):
        receiver: Receiver | None = reference()
        return receiver
    return reference or None


def apply(receiver: Receiver, given: dict[str, Any]) -> object:
    """Call a receiver with those of the arguments that it takes, as `pydispatch.robustapply` does."""
    if type(receiver) is MethodType and type(receiver.__func__) is FunctionType:
        call: Receiver = receiver
        code, start = receiver.__func__.__code__, 1
    else:
        call, code, start = function(receiver)
    known = _taken.get(id(code)) or _asked(code)
    if known[1]:
        return call(**given)
    names = known[2][start:]
    try:
        values = tuple(map(given.__getitem__, names))
    except KeyError:
        return call(**{name: given[name] for name in names if name in given})
    return call(*values)


def _asked(code: CodeType) -> "Taken":
    """Note what the code takes. Kept with the code itself, whose hash would cost more than the call."""
    _taken[id(code)] = taken = (code, bool(code.co_flags & _VAR_KEYWORDS), code.co_varnames[: code.co_argcount])
    return taken


Taken = tuple[CodeType, bool, tuple[str, ...]]
"""Code of a receiver, whether it takes all that is given, the names of what it takes otherwise."""

_taken: dict[int, Taken] = {}
"""By the code's address."""


def _is_coroutine(receiver: Receiver) -> bool:
    method = receiver.__func__ if type(receiver) is MethodType else None
    if type(method) is FunctionType and not vars(method):
        return bool(method.__code__.co_flags & inspect.CO_COROUTINE)
    return inspect.iscoroutinefunction(receiver)


def _guarded(receiver: Receiver, given: dict[str, Any], dont_log: tuple[type, ...]) -> object:
    try:
        result = apply(receiver, given)
        if type(receiver) not in _NAMED:
            global_object_name(receiver)  # Scrapy takes a receiver without a name for one that raised
    except Exception as error:
        return _fault(error, receiver, given, dont_log)
    return result


async def _awaited(receiver: Receiver, result: object, given: dict[str, Any], dont_log: tuple[type, ...]) -> object:
    try:
        return await ensure_awaitable(result, _warn=global_object_name(receiver))
    except Exception as error:
        return _fault(error, receiver, given, dont_log)


def _fault(error: Exception, receiver: Receiver, given: dict[str, Any], dont_log: tuple[type, ...]) -> Exception:
    if not isinstance(error, dont_log):
        _log("Error caught on signal handler: %(receiver)s", receiver, given)
    return error


def _log(message: str, receiver: Receiver, named: dict[str, Any], *, exc_info: bool = True) -> None:
    extra = {"spider": named.get("spider")}
    scrapys_logger.error(message, {"receiver": receiver}, exc_info=exc_info, extra=extra)


def _types(dont_log: object) -> tuple[Any, ...]:
    if isinstance(dont_log, type):
        return (dont_log,)
    return tuple(dont_log) if isinstance(dont_log, Sequence) else (dont_log,)
