"""The operator's own settings: environment in, `Config` out."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlfleet.quantity import parse_bytes


class ConfigError(ValueError):
    """A setting has a value that cannot be used; the message names the variable and the mend."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one operator process."""

    operator_class: str = "default"
    """CrawlJobs of another `spec.operatorClass` are left alone."""
    redis_image: str = "docker.io/valkey/valkey:8.1-bookworm"
    redis_resources: Mapping[str, Any] = field(default_factory=dict)
    """A container's `resources`, for the Redis of managed jobs."""
    namespaces: tuple[str, ...] = ()
    """Empty: all namespaces."""
    resync_seconds: float = 300.0
    log_level: str = "INFO"
    log_format: str = "plain"
    health_port: int = 8080
    metrics_port: int = 8081
    bind_address: str = "0.0.0.0"  # noqa: S104 - a pod's probes and Prometheus come from outside
    concurrency: int = 16
    """Reconciles under way at once."""


def read_config(environment: Mapping[str, str]) -> Config:
    """Build the Config from environment variables; raises ConfigError."""
    default = Config()
    return Config(
        operator_class=environment.get("CRAWLFLEET_OPERATOR_CLASS") or default.operator_class,
        redis_image=environment.get("CRAWLFLEET_REDIS_IMAGE") or default.redis_image,
        redis_resources=_resources(environment, "CRAWLFLEET_REDIS_RESOURCES"),
        namespaces=_names(environment.get("CRAWLFLEET_WATCH_NAMESPACES", "")),
        resync_seconds=_number(environment, "CRAWLFLEET_RESYNC_SECONDS", default.resync_seconds),
        log_level=_choice(environment, "CRAWLFLEET_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        log_format=_choice(environment, "CRAWLFLEET_LOG_FORMAT", ("plain", "json")),
        health_port=_port(environment, "CRAWLFLEET_HEALTH_PORT", default.health_port),
        metrics_port=_port(environment, "CRAWLFLEET_METRICS_PORT", default.metrics_port),
        bind_address=environment.get("CRAWLFLEET_BIND_ADDRESS") or default.bind_address,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < math.inf:
        raise ConfigError(f"{name}={text!r} is no number above 0; leave it out for {default:g}")
    return value


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = _number(environment, name, default)
    if value > 65535 or value != int(value):
        raise ConfigError(f"{name}={environment[name]!r} is no TCP port; leave it out for {default}")
    return int(value)


def _choice(environment: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = environment.get(name) or choices[0]
    for choice in choices:
        if text.lower() == choice.lower():
            return choice
    raise ConfigError(f"{name}={text!r} must be one of {', '.join(choices)}")


def _resources(environment: Mapping[str, str], name: str) -> Mapping[str, Any]:
    resources = _json_object(environment, name)
    limits = resources.get("limits") or {}
    try:
        parse_bytes(str(limits.get("memory", "0")))
    except (AttributeError, ValueError) as error:
        raise ConfigError(f"{name}, limits.memory: {error}") from error
    return resources


def _json_object(environment: Mapping[str, str], name: str) -> Mapping[str, Any]:
    text = environment.get(name) or "{}"
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f'{name} must be a JSON object such as {{"limits": {{"memory": "1Gi"}}}}')
    return value
