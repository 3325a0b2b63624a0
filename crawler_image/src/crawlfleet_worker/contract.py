"""What did the operator ask of this worker? The environment of docs/contract.md, checked and typed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from crawlfleet_worker.exits import ExitCode, WorkerExit

SeedType = Literal["Spider", "Inline", "RedisKey"]
Engine = Literal["ScrapyRedis", "Frontier"]
VARIABLES = (
    "CRAWLFLEET_JOB_UID",
    "CRAWLFLEET_JOB_NAME",
    "CRAWLFLEET_NAMESPACE",
    "CRAWLFLEET_POD_UID",
    "CRAWLFLEET_REDIS_URL",
    "CRAWLFLEET_ENGINE",
    "CRAWLFLEET_SPIDER",
    "CRAWLFLEET_SPIDER_ARGUMENTS",
    "CRAWLFLEET_SPIDER_SETTINGS",
    "CRAWLFLEET_SEEDS",
    "CRAWLFLEET_GRACE_SECONDS",
)
ENGINES: Final[tuple[Engine, ...]] = ("ScrapyRedis", "Frontier")


@dataclass(frozen=True, slots=True)
class Seeds:
    """Where the crawl begins."""

    type: SeedType
    key: str | None = None
    """The user's own Redis key, where the type is RedisKey."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The environment of one worker."""

    job_uid: str
    job_name: str
    namespace: str
    pod_uid: str
    redis_url: str
    spider: str
    arguments: Mapping[str, str]
    settings: Mapping[str, str]
    seeds: Seeds
    grace_seconds: int
    engine: Engine = "ScrapyRedis"


def read_contract(environment: Mapping[str, str]) -> Contract:
    """Read the environment; WorkerExit 64 names the variable that is missing or wrong, and the mend."""
    values = {name: _required(environment, name) for name in VARIABLES}
    return Contract(
        job_uid=_uid(values, "CRAWLFLEET_JOB_UID"),
        job_name=values["CRAWLFLEET_JOB_NAME"],
        namespace=values["CRAWLFLEET_NAMESPACE"],
        pod_uid=_uid(values, "CRAWLFLEET_POD_UID"),
        redis_url=_redis_url(values, "CRAWLFLEET_REDIS_URL"),
        spider=values["CRAWLFLEET_SPIDER"],
        arguments=_strings(values, "CRAWLFLEET_SPIDER_ARGUMENTS"),
        settings=_strings(values, "CRAWLFLEET_SPIDER_SETTINGS"),
        seeds=_seeds(values, "CRAWLFLEET_SEEDS"),
        grace_seconds=_seconds(values, "CRAWLFLEET_GRACE_SECONDS"),
        engine=_engine(values, "CRAWLFLEET_ENGINE"),
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise _broken(name, "it is missing; the operator sets it in every worker container")
    return value


def _engine(values: Mapping[str, str], name: str) -> Engine:
    for engine in ENGINES:
        if values[name] == engine:
            return engine
    why = f"this worker knows {' and '.join(ENGINES)} only; use the worker image of your operator's version"
    raise _broken(name, why)


def _uid(values: Mapping[str, str], name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", values[name]):
        raise _broken(name, "a UID has letters, digits, '.', '_' and '-' only")
    return values[name]


def _redis_url(values: Mapping[str, str], name: str) -> str:
    if not values[name].startswith(("redis://", "rediss://")):
        raise _broken(name, "it must begin with redis:// or rediss://; look into the Secret it comes from")
    return values[name]


def _strings(values: Mapping[str, str], name: str) -> dict[str, str]:
    table = _json_object(values, name)
    for key, value in table.items():
        if not isinstance(value, str):
            raise _broken(name, f"the value of {key!r} must be a string; put it into quotes")
    return {key: str(value) for key, value in table.items()}


def _seeds(values: Mapping[str, str], name: str) -> Seeds:
    table = _json_object(values, name)
    kind, key = table.get("type"), table.get("key")
    if kind == "Spider":
        return Seeds("Spider")
    if kind == "Inline":
        return Seeds("Inline")
    if kind == "RedisKey" and isinstance(key, str) and key:
        return Seeds("RedisKey", key)
    raise _broken(name, 'expected {"type": "Spider"}, {"type": "Inline"} or {"type": "RedisKey", "key": "…"}')


def _seconds(values: Mapping[str, str], name: str) -> int:
    if not values[name].isdecimal():
        raise _broken(name, "expected a whole number of seconds")
    return int(values[name])


def _json_object(values: Mapping[str, str], name: str) -> dict[str, object]:
    try:
        table = json.loads(values[name])
    except json.JSONDecodeError as error:
        raise _broken(name, f"no valid JSON: {error}") from None
    if not isinstance(table, dict):
        raise _broken(name, "expected a JSON object: {…}")
    return table


def _broken(name: str, why: str) -> WorkerExit:
    return WorkerExit(ExitCode.CONTRACT_BROKEN, f"{name}: {why}")
