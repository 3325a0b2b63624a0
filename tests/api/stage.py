"""What all operator tests stand on, and how their waits overlap: each module's work begins with the run.

A module whose jobs need time has a function `begin(stage)`: it works in a thread of its own beside the tests that
come before, and the module's fixture `begun` is what it returned. `begin_alone(stage)` is done before all of these,
while the shared operator is the only one and has nothing else to do. What a test says about time it reads from the
operator's stamps, not from when it happened to look.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from types import ModuleType
from typing import Any

from kubernetes import client

from cluster.control_plane import ControlPlane
from tests.api.fleet import Fleet
from tests.api.operator_process import OperatorProcess, running_operator
from tests.api.operator_scene import Scene
from tests.servers.redis import RedisServer

SHARED = "tests"
"""Class and name of the operator that most tests share, so that the CRD's own CrawlJobs are none of its business."""
PATIENCE = 180.0
"""Seconds that a test waits at most for what was begun: the waits within have bounds of their own."""
AT_ONCE = 2
"""How many modules begin at once: the machine has other work, and what is begun is to be fair to it and to others."""


class Stage:
    """A control plane, a fleet and a Redis, and the operators that were started on them, until `end`."""

    def __init__(
        self, plane: ControlPlane, api_client: client.ApiClient, fleet: Fleet, redis_server: RedisServer
    ) -> None:
        self.plane = plane
        self.api_client = api_client
        self.fleet = fleet
        self.redis_server = redis_server
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="begin")
        self._first = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="first")
        self._last = ThreadPoolExecutor(thread_name_prefix="leave")
        self._starting = Lock()
        self._operators = ExitStack()
        self._started: list[OperatorProcess] = []
        self._alone: dict[str, Future[Any]] = {}
        self._shared: Future[OperatorProcess] = Future()
        self._begun: dict[str, Future[Any]] = {}
        self._leaving: list[Future[None]] = []

    def begin(self, modules: Sequence[ModuleType]) -> None:
        """Begin what the modules have to begin; returns at once."""
        self._shared = self._first.submit(self.start_operator, SHARED, SHARED)
        for module in modules:
            if hasattr(module, "begin_alone"):
                self._alone[module.__name__] = self._first.submit(module.begin_alone, self)
        for module in modules:
            if hasattr(module, "begin"):
                self._begun[module.__name__] = self._pool.submit(self._begin, module)

    def begun(self, module: str) -> Any:
        """Return what `begin` of a module returned; raises what it raised."""
        return self._begun[module].result(PATIENCE)

    def alone(self, module: str) -> Any:
        """Return what `begin_alone` of a module returned; raises what it raised."""
        return self._alone[module].result(PATIENCE)

    @property
    def operator(self) -> OperatorProcess:
        """The operator that most tests share, from its start on."""
        return self._shared.result(PATIENCE)

    def wait_for_the_alone(self) -> None:
        """Wait until whoever wants to be alone with the shared operator has been."""
        for each in self._alone.values():
            each.exception(PATIENCE)  # it is raised where its result is asked for

    def start_operator(self, operator_class: str, name: str) -> OperatorProcess:
        """Start another operator, one at a time; it runs until the end, unless a test ends it."""
        with self._starting:
            operator = self._operators.enter_context(running_operator(self.plane, operator_class, name))
            self._started.append(operator)
            return operator

    def scene(self, operator: OperatorProcess | None = None) -> Scene:
        """Open a namespace for an operator, the shared one if none is named."""
        return Scene(self.api_client, operator or self.operator, self.fleet, self.redis_server)

    def leave(self, scene: Scene, servers: ExitStack | None = None) -> None:
        """Clear a namespace beside the next tests, then end the servers that its jobs need until then."""

        def clear() -> None:
            with servers or ExitStack():
                scene.leave()

        self._leaving.append(self._last.submit(clear))

    def end(self) -> None:
        """End the operators; AssertionError where one asked for what the chart's role does not allow."""
        with self._operators:
            for pool in (self._first, self._pool, self._last):
                pool.shutdown(cancel_futures=pool is not self._last)
            for each in self._leaving:
                each.result()
            assert [refusal for operator in self._started for refusal in operator.refusals()] == []

    def _begin(self, module: ModuleType) -> Any:
        self.wait_for_the_alone()
        return module.begin(self)
