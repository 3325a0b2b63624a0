"""How much slower than spec.politeness does the spider itself want a host?

DOWNLOAD_DELAY, `download_delay`, the delays in DOWNLOAD_SLOTS and AutoThrottle are taken out of Scrapy's downloader,
where they would add up with the fleet's pace and let slots run out, and become a lower bound of the host's delay for
the whole fleet. So they lengthen it, and never shorten it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.httpobj import urlparse_cached

OWN_PACE: Final = "CRAWLFLEET_OWN_PACE"
"""Setting: what the spider wants, as `pacing_settings` found it."""

DELEGATES: Final = "CRAWLFLEET_DOWNLOAD_HANDLERS"
"""Setting: scheme → the project's own download handler; Scrapy's default where it names none."""

OPEN_REQUESTS: Final = 64
"""CONCURRENT_REQUESTS where the project names none: requests of many hosts wait for their moment at once."""

UNLIMITED: Final = 10_000
MOST_HOSTS: Final = 10_000

_HANDLERS: Final = {
    "http": "crawlfleet_worker.frontier.pacing.PacedHttp",
    "https": "crawlfleet_worker.frontier.pacing.PacedHttps",
}
_PACE: Final = (
    "DOWNLOAD_DELAY",
    "DOWNLOAD_SLOTS",
    "AUTOTHROTTLE_ENABLED",
    "CONCURRENT_REQUESTS_PER_DOMAIN",
    "CONCURRENT_REQUESTS_PER_IP",
)


@dataclass(frozen=True, slots=True)
class PacingSettings:
    """What the worker sets so that the pace is the fleet's."""

    values: Mapping[str, Any]
    """To be set at the command line's priority, after the spider's custom_settings were read."""
    warning: str
    """One line for the log; empty where the project says nothing of the pace."""


def pacing_settings(settings: BaseSettings, spider_class: type[Spider]) -> PacingSettings:
    """Return the settings under which only the pacer decides, and the project's own wishes as OWN_PACE."""
    handlers = settings.getdict("DOWNLOAD_HANDLERS")
    paced = {scheme: path for scheme, path in _HANDLERS.items() if handlers.get(scheme, path) is not None}
    slots = {key: {**slot, "delay": 0} for key, slot in settings.getdict("DOWNLOAD_SLOTS").items()}
    values = {
        "DOWNLOAD_HANDLERS": {**handlers, **paced},
        DELEGATES: {scheme: handlers[scheme] for scheme in paced if scheme in handlers},
        OWN_PACE: _own_pace(settings, spider_class),
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_SLOTS": slots,
        "AUTOTHROTTLE_ENABLED": False,
        **_concurrency(settings),
    }
    return PacingSettings(values, _warning(settings, spider_class))


def _chosen(settings: BaseSettings, name: str) -> bool:
    """Whether the project (or the CR) set it."""
    return (settings.getpriority(name) or 0) > 0


def _concurrency(settings: BaseSettings) -> dict[str, int]:
    total = settings.getint("CONCURRENT_REQUESTS") if _chosen(settings, "CONCURRENT_REQUESTS") else OPEN_REQUESTS
    per_host = settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
    if not _chosen(settings, "CONCURRENT_REQUESTS_PER_DOMAIN"):
        per_host = total or UNLIMITED
    return {"CONCURRENT_REQUESTS": total, "CONCURRENT_REQUESTS_PER_DOMAIN": per_host}


def _own_pace(settings: BaseSettings, spider_class: type[Spider]) -> dict[str, Any]:
    slots = settings.getdict("DOWNLOAD_SLOTS")
    own: dict[str, Any] = {
        "delay": max(settings.getfloat("DOWNLOAD_DELAY"), float(getattr(spider_class, "download_delay", 0) or 0)),
        "slots": {key: float(slot["delay"]) for key, slot in slots.items() if "delay" in slot},
    }
    if settings.getbool("AUTOTHROTTLE_ENABLED"):
        own["autothrottle"] = {
            "start": settings.getfloat("AUTOTHROTTLE_START_DELAY"),
            "longest": settings.getfloat("AUTOTHROTTLE_MAX_DELAY"),
            "concurrency": settings.getfloat("AUTOTHROTTLE_TARGET_CONCURRENCY") or 1.0,
        }
    return own


def _warning(settings: BaseSettings, spider_class: type[Spider]) -> str:
    named = [name for name in _PACE if name in settings and _chosen(settings, name) and settings[name]]
    named += ["download_delay of the spider"] if getattr(spider_class, "download_delay", 0) else []
    if not named:
        return ""
    return (
        f"{', '.join(named)}: the pace of a host is the whole fleet's and comes from spec.politeness; "
        "a spider's own settings can make it slower, never faster"
    )


class OwnPace:
    """The delay that the spider wants on each host, in seconds."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self._least = float(own.get("delay", 0.0))
        self._slots: Mapping[str, float] = own.get("slots", {})
        self._throttle: Mapping[str, float] | None = own.get("autothrottle")
        self._delays: dict[str, dict[str, float]] = {}

    def delay_on(self, host: str, request: Request) -> float:
        """Return the delay of the request's host: the longest of the download slots that divide it."""
        if not (self._least or self._slots or self._throttle):
            return 0.0
        slot = self._slot(request)
        if slot not in self._delays.get(host, ()):
            self._remember(host, slot, self._first(slot))
        return max(self._delays[host].values())

    def answered(self, host: str, request: Request, response: Response) -> None:
        """Follow the server's latency, as AutoThrottle does; nothing where it is off."""
        latency = request.meta.get("download_latency")
        if self._throttle is None or latency is None or request.meta.get("autothrottle_dont_adjust_delay") is True:
            return
        slot = self._slot(request)
        before = self._delays.get(host, {}).get(slot, self._first(slot))
        target = latency / self._throttle["concurrency"]
        after = max(target, (before + target) / 2)
        after = min(max(self._floor(slot), after), self._throttle["longest"])
        if response.status == 200 or after > before:
            self._remember(host, slot, after)

    def _slot(self, request: Request) -> str:
        return str(request.meta.get("download_slot") or urlparse_cached(request).hostname or "")

    def _floor(self, slot: str) -> float:
        return self._slots.get(slot, self._least)

    def _first(self, slot: str) -> float:
        floor = self._floor(slot)
        return max(floor, self._throttle["start"]) if self._throttle and slot not in self._slots else floor

    def _remember(self, host: str, slot: str, delay: float) -> None:
        self._delays.setdefault(host, {})[slot] = delay
        if len(self._delays) > MOST_HOSTS:
            del self._delays[next(iter(self._delays))]
