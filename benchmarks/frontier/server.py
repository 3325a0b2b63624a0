"""How much did the server work? CPU time, calls and memory of one redis-server, by its own word."""

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import redis


@dataclass
class Cost:
    """What the server did while a block ran."""

    cpu_us: float = 0.0
    """CPU time of the main thread, user and system, in microseconds."""


@contextmanager
def cost(client: redis.Redis) -> Iterator[Cost]:
    """Measure a block."""
    measured = Cost()
    cpu = _cpu_us(client)
    yield measured
    measured.cpu_us = _cpu_us(client) - cpu


@contextmanager
def growth(client: redis.Redis) -> Iterator[list[int]]:
    """Yield a list that gets the bytes by which the data set grew."""
    before = _memory(client)
    grown: list[int] = []
    yield grown
    grown.append(_memory(client) - before)


def command_calls(client: redis.Redis, commands: Container[str]) -> int:
    """Return how often clients have sent these commands since the server's statistics began."""
    rows = _info(client, "commandstats").items()
    return sum(int(row["calls"]) for name, row in rows if name.removeprefix("cmdstat_") in commands)


def _cpu_us(client: redis.Redis) -> float:
    info = _info(client, "cpu")
    return 1e6 * (float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"]))


def _memory(client: redis.Redis) -> int:
    client.memory_purge()
    info = _info(client, "memory")
    return int(info["used_memory_dataset"]) + int(info["used_memory_overhead"]) - int(info["mem_clients_normal"])


def _info(client: redis.Redis, section: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", client.info(section))
