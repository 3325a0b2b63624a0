"""An asyncio event loop whose clock jumps to the next timer: minutes of back-off in milliseconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never waits for time; it is for code without real I/O."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.virtual = 1000.0

    def time(self) -> float:
        return getattr(self, "virtual", 0.0)


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc]  # which class it is depends on the system
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everything waits, and no timer will ever end it")
        if timeout > 0:  # a step that floating point swallows would be tried for ever
            self._loop.virtual += max(1e-6, timeout)
        return super().select(0)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


def now() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()
