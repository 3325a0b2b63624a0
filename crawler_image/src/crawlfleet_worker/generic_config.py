"""What does the user want of the generic spider?

YAML, checked key by key: each error names the key and the mend.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from parsel import Selector
from scrapy.linkextractors import LinkExtractor

EXAMPLE = "allowed_hosts: [docs.example]"


class ConfigError(ValueError):
    """The configuration is wrong at one key."""

    def __init__(self, path: str, mend: str) -> None:
        super().__init__(f"{path}: {mend}")


@dataclass(frozen=True, slots=True)
class FollowRule:
    """Which links to follow."""

    extractor: LinkExtractor


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field of an item is found on a page."""

    css: str | None = None
    xpath: str | None = None
    all: bool = False
    """A list of all matches instead of the first."""
    required: bool = False
    """Without it the page gives no item."""


@dataclass(frozen=True, slots=True)
class GenericConfig:
    """The whole configuration."""

    allowed_hosts: tuple[str, ...]
    follow: tuple[FollowRule, ...] = ()
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    item_pages: re.Pattern[str] | None = None

    def allows(self, host: str) -> bool:
        """Whether `host` is one of the allowed hosts; `*.example` means every host below example, `*` every host."""
        host = host.lower().rstrip(".")
        return any(
            pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
            for pattern in self.allowed_hosts
        )

    def gives_item(self, url: str) -> bool:
        """Whether the page at `url` is one that items are made of."""
        return bool(self.fields) and (self.item_pages is None or self.item_pages.search(url) is not None)


def parse_config(text: str) -> GenericConfig:
    """Read the YAML text; ConfigError names the key that is wrong, and the mend."""
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError("the YAML", f"cannot be read: {' '.join(str(error).split())}") from None
    table = _table(loaded, "the configuration", ("allowed_hosts", "follow", "fields", "item_pages"))
    return GenericConfig(
        allowed_hosts=_hosts(table.get("allowed_hosts")),
        follow=tuple(
            _follow(rule, f"follow[{index}]") for index, rule in enumerate(_list(table.get("follow"), "follow"))
        ),
        fields=_fields(table.get("fields")),
        item_pages=_regex(table.get("item_pages"), "item_pages"),
    )


def _hosts(value: object) -> tuple[str, ...]:
    if not value:
        raise ConfigError(
            "allowed_hosts",
            f"name the hosts that may be fetched: {EXAMPLE} ('*.docs.example', or '*' for any)",
        )
    hosts = _list(value, "allowed_hosts")
    for index, host in enumerate(hosts):
        if not isinstance(host, str) or not re.fullmatch(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", host):
            raise ConfigError(
                f"allowed_hosts[{index}]",
                f"write a host name without scheme and port: {EXAMPLE}, not {host!r}",
            )
    return tuple(str(host).lower() for host in hosts)


def _follow(value: object, path: str) -> FollowRule:
    rule = _table(value, path, ("allow", "deny", "restrict_css"))
    allow = _regexes(rule.get("allow"), f"{path}.allow")
    deny = _regexes(rule.get("deny"), f"{path}.deny")
    areas = _one_or_more(rule.get("restrict_css"), f"{path}.restrict_css")
    for area_path, css in areas:
        _check_selector(area_path, "css", css)
    return FollowRule(LinkExtractor(allow=allow, deny=deny, restrict_css=[str(css) for _, css in areas]))


def _regexes(value: object, path: str) -> list[re.Pattern[str]]:
    found = (_regex(text, text_path) for text_path, text in _one_or_more(value, path))
    return [regex for regex in found if regex is not None]


def _one_or_more(value: object, path: str) -> list[tuple[str, object]]:
    """Return the values with their paths: a single one, or each of a list."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(f"{path}[{index}]", each) for index, each in enumerate(value)]
    return [(path, value)]


def _fields(value: object) -> dict[str, FieldRule]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _expected("fields", "a mapping of names: {title: {css: 'h1::text'}}", value)
    return {str(name): _field(rule, f"fields.{name}") for name, rule in value.items()}


def _field(value: object, path: str) -> FieldRule:
    rule = _table(value, path, ("css", "xpath", "all", "required"))
    kinds = [kind for kind in ("css", "xpath") if kind in rule]
    if len(kinds) != 1:
        raise ConfigError(path, "give exactly one of css and xpath: {css: 'h1::text'}")
    _check_selector(f"{path}.{kinds[0]}", kinds[0], rule[kinds[0]])
    for flag in ("all", "required"):
        if not isinstance(rule.get(flag, False), bool):
            _expected(f"{path}.{flag}", "true or false", rule[flag])
    return FieldRule(**rule)


def _check_selector(path: str, kind: str, value: object) -> None:
    if not isinstance(value, str):
        _expected(path, f"a {kind} selector as text", value)
    try:
        page = Selector(text="<html></html>")
        page.css(value) if kind == "css" else page.xpath(value)
    except Exception as error:  # cssselect, lxml and parsel raise what they like
        raise ConfigError(path, f"no valid {kind} selector: {error}") from None


def _regex(value: object, path: str) -> re.Pattern[str] | None:
    if value is None:
        return None
    if not isinstance(value, str):
        _expected(path, "a regular expression as text", value)
    try:
        return re.compile(value)
    except re.error as error:
        raise ConfigError(path, f"no valid regular expression: {error}") from None


def _table(value: object, path: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        _expected(path, f"a mapping with some of {', '.join(known)}", value)
    for key in value:
        if key not in known:
            prefix = "" if path == "the configuration" else f"{path}."
            raise ConfigError(f"{prefix}{key}", f"there is no such key; known are {', '.join(known)}")
    return value


def _list(value: object, path: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        _expected(path, "a list", value)
    return value


def _expected(path: str, what: str, value: object) -> NoReturn:
    raise ConfigError(path, f"expected {what}, not {value!r}")
