"""Did the crawl fetch what it had to, and nothing else? Judged from the site's files and nginx's log alone.

Independent on purpose: this file imports the standard library only, parses HTML with `html.parser`, and
shares no line with Scrapy or with Crawlfleet. What it takes as given:

- A link is the `href` of an `<a>` or `<area>`, blanks around it removed, joined with the page's first
  `<base href>` or else its own address. The fragment is no part of a page's identity.
- A link is followed if its host is allowed, its scheme is http(s), and its whole address (fragment included)
  matches one of `allow` (if there are any) and none of `deny`; seeds and redirects need an allowed host only.
- A directory without its slash redirects to the one with it; a directory is its `index.html`, or a 403.
  What is not there is a 404, which has to be fetched once as well: a link to it exists.
- Only HTML (`.html`, `.htm`, `index.html` of a directory) is searched for links.
- `/robots.txt` is not a page. Addresses over 2,083 characters are not followed (Scrapy's `URLLENGTH_LIMIT`).
"""

import argparse
import json
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from posixpath import normpath
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlencode, urljoin, urlsplit

LONGEST_ADDRESS = 2083
HTML_BLANKS = " \t\n\r\x0c"
CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """Where the crawl starts and which links it follows."""

    seeds: tuple[str, ...]
    hosts: frozenset[str]
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def follows(self, address: str) -> bool:
        """Whether a link to this address is followed."""
        if len(address) > LONGEST_ADDRESS or not self.host_allowed(address):
            return False
        allowed = not self.allow or any(re.search(pattern, address) for pattern in self.allow)
        return allowed and not any(re.search(pattern, address) for pattern in self.deny)

    def host_allowed(self, address: str) -> bool:
        """Whether the address is http(s) on an allowed host."""
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and (parts.hostname or "") in self.hosts


@dataclass(frozen=True)
class Verdict:
    """The comparison of what had to be fetched with what was."""

    reachable: int
    fetched: int
    with_content: int = 0
    """How many of the reachable ones are answered 200."""
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    wrong_status: tuple[str, ...] = ()
    repeats: int = 0
    pages_by_host: Mapping[str, int] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether the crawl was exactly the reachable set, each answer as the files say."""
        return not (self.missing or self.extra or self.wrong_status) and self.reachable > 0

    def explain(self, most: int = 10) -> Iterator[str]:
        """Yield lines for a person: the count first, then examples."""
        yield f"{self.reachable} reachable, {self.fetched} fetched, {self.repeats} repeats"
        for name, addresses in (
            ("reachable but not crawled", self.missing),
            ("crawled but not reachable", self.extra),
            ("answered otherwise than the files say", self.wrong_status),
        ):
            if addresses:
                yield f"{len(addresses)} {name}:"
                yield from (f"  {address}" for address in addresses[:most])


class LinkParser(HTMLParser):
    """Collects the raw `href`s of a page and its first base."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[str] = []
        self.base: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the first `href` of the tags that link."""
        if tag not in {"a", "area", "base"}:
            return
        href = next((value for name, value in attrs if name == "href" and value is not None), None)
        if href is None:
            return
        if tag != "base":
            self.links.append(href.strip(HTML_BLANKS))
        elif self.base is None:
            self.base = href.strip(HTML_BLANKS)


def identity(address: str) -> str:
    """Return the form that two spellings of one address share; raises ValueError if it is no address."""
    parts = urlsplit(address)
    pieces = re.split("%2[fF]", parts.path or "/")  # an encoded slash is no slash
    path = "%2F".join(quote(unquote_to_bytes(piece), safe="/~!$&'()*+,;=:@") for piece in pieces)
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{parts.scheme}://{_host(parts)}{path}{'?' + query if query else ''}"


def _host(parts: SplitResult) -> str:
    port = parts.port
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.hostname or "") + (f":{port}" if port and port != default else "")


@dataclass(frozen=True)
class Site:
    """The files of the site: one folder below `root` for each host name."""

    root: Path

    def look_up(self, address: str) -> tuple[int, Path | str | None]:
        """Return what the server has to answer: (200, file), (301, where to), (403 or 404, None)."""
        parts = urlsplit(address)
        raw = unquote_to_bytes(parts.path or "/").decode("utf-8", "surrogateescape")
        path = normpath("/" + raw.lstrip("/")).lstrip("/")
        target = self.root / (parts.hostname or "") / path
        if target.is_dir():
            if not raw.endswith("/"):
                return 301, urljoin(address, f"{parts.path}/{'?' + parts.query if parts.query else ''}")
            target = target / "index.html"
            return (200, target) if target.is_file() else (403, None)
        found = target.is_file() and not raw.endswith("/")
        return (200, target) if found else (404, None)

    def links(self, address: str, file: Path) -> Iterator[str]:
        """Yield the absolute addresses that the HTML file, served at this address, links to."""
        if file.suffix.lower() not in {".html", ".htm"}:
            return
        content = file.read_bytes()
        charset = CHARSET.search(content[:2048])
        parser = LinkParser()
        parser.feed(content.decode(charset[1].decode() if charset else "utf-8", "replace"))
        parser.close()
        base = urljoin(address, parser.base) if parser.base else address
        for link in dict.fromkeys(parser.links):
            try:
                yield urljoin(base, link)
                continue
            except ValueError:
                pass  # an address like http://[ is no link to anyone


def reachable(site: Site, rules: Rules) -> dict[str, int]:
    """Return every address that the crawl has to fetch, with the status it has to get."""
    statuses: dict[str, int] = {}
    waiting = deque(rules.seeds)
    seen = {identity(seed) for seed in rules.seeds}
    met: set[str] = set()

    def admit(address: str) -> None:
        if address in met:
            return
        met.add(address)
        if (key := identity(address)) not in seen:
            seen.add(key)
            waiting.append(address)

    while waiting:
        address = waiting.popleft()
        status, found = site.look_up(address)
        statuses[identity(address)] = status
        if isinstance(found, str) and rules.host_allowed(found):
            admit(found)
        elif isinstance(found, Path):
            for link in _followed(site.links(address, found), rules):
                admit(link)
    return {address: status for address, status in statuses.items() if status != 301}


def _followed(links: Iterable[str], rules: Rules) -> Iterator[str]:
    for link in links:
        try:
            if rules.follows(link):
                yield link
        except ValueError:
            continue  # a port that is no number: nobody can fetch it


def read_log(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield (identity, status) of each page request: GETs, redirects and robots.txt left out.

    Raises ValueError on a line that is not the JSON of the site's log format: a torn log proves nothing.
    """
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            method, host, uri, status = entry["method"], entry["host"], entry["uri"], int(entry["status"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} of the access log is torn or of another format: {error}") from error
        if method == "GET" and status not in {301, 302, 303, 307, 308} and uri.split("?")[0] != "/robots.txt":
            yield identity(f"http://{host}{uri}"), status


def judge(site: Site, rules: Rules, log: Iterable[str]) -> Verdict:
    """Compare the files with the log."""
    expected = reachable(site, rules)
    seen: dict[str, set[int]] = {}
    requests = 0
    for address, status in read_log(log):
        seen.setdefault(address, set()).add(status)
        requests += 1
    by_host: dict[str, int] = {}
    for address in seen:
        host = urlsplit(address).netloc
        by_host[host] = by_host.get(host, 0) + 1
    return Verdict(
        reachable=len(expected),
        fetched=len(seen),
        with_content=sum(status == 200 for status in expected.values()),
        missing=tuple(sorted(expected.keys() - seen.keys())),
        extra=tuple(sorted(seen.keys() - expected.keys())),
        wrong_status=tuple(
            f"{address}: {sorted(seen[address])}, not {status}"
            for address, status in sorted(expected.items())
            if address in seen and status not in seen[address]
        ),
        repeats=requests - len(seen),
        pages_by_host=by_host,
    )


def main(arguments: list[str] | None = None) -> int:
    """Judge by hand: exit 0 when the sets are equal, 1 when they are not."""
    parser = argparse.ArgumentParser(prog="python -m demo.judge", description=main.__doc__)
    parser.add_argument("--site", type=Path, required=True, help="folder with one folder of files for each host")
    parser.add_argument("--log", type=Path, required=True, help="nginx's access log, JSON lines")
    parser.add_argument("--seed", action="append", required=True)
    parser.add_argument("--host", action="append", help="allowed hosts; default: those of the seeds")
    parser.add_argument("--allow", action="append", default=[], help="regular expression")
    parser.add_argument("--deny", action="append", default=[], help="regular expression")
    given = parser.parse_args(arguments)
    hosts = given.host or [urlsplit(seed).hostname or "" for seed in given.seed]
    rules = Rules(tuple(given.seed), frozenset(hosts), tuple(given.allow), tuple(given.deny))
    with given.log.open(encoding="utf-8") as log:
        verdict = judge(Site(given.site), rules, log)
    sys.stdout.write("\n".join(verdict.explain()) + "\n")
    return 0 if verdict.equal else 1


if __name__ == "__main__":
    sys.exit(main())
