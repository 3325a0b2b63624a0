"""Was the pace kept, and how much of it was used? Pure: arrivals in, figures out. All times in µs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.pace.arrivals import STILL_OPEN, Arrival


@dataclass(frozen=True, slots=True)
class Rule:
    """What every host is promised."""

    delay: int
    """Between two requests, in µs."""
    open_requests: int


@dataclass
class Verdict:
    """What came of one rule over many hosts."""

    requests: int = 0
    gaps: int = 0
    handed_on: int = 0
    """Gaps whose two requests were sent by different workers."""
    short: list[int] = field(default_factory=list)
    """By how many µs each gap below the delay was too short."""
    gaps_in_window: int = 0
    short_in_window: list[int] = field(default_factory=list)
    """The same of the gaps within the window: not of the start, when all hosts are due at once."""
    shortest: int = 0
    """The shortest gap, in µs."""
    over_limit: int = 0
    """Moments at which a host had more open than allowed."""
    most_open: int = 0
    could_take: float = 0.0
    """What the gaps within the window would have taken at the pace's limit, in µs."""
    took: float = 0.0
    """What they took."""

    @property
    def used(self) -> float:
        """Which share of what the pace allows was used within the window; 0 where nothing was asked."""
        return self.could_take / self.took if self.took else 0.0


def by_host(arrivals: Iterable[Arrival]) -> Mapping[int, Sequence[Arrival]]:
    """Return each host's requests in the order of their starts."""
    hosts: defaultdict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        hosts[arrival.host].append(arrival)
    for found in hosts.values():
        found.sort(key=lambda arrival: arrival.started)
    return hosts


def judge(hosts: Mapping[int, Sequence[Arrival]], rule: Rule, window: tuple[int, int]) -> Verdict:
    """Judge all hosts: the pace over all they saw, the share used over what began within the window."""
    verdict = Verdict()
    for found in hosts.values():
        within = [one for one in found if window[0] <= one.started < window[1]]
        _judge_gaps(verdict, found, rule)
        _judge_open(verdict, found, rule)
        _judge_window(verdict, within, rule)
        _judge_use(verdict, within, rule)
    return verdict


def _judge_gaps(verdict: Verdict, found: Sequence[Arrival], rule: Rule) -> None:
    gaps = _gaps(found)
    verdict.requests += len(found)
    verdict.gaps += len(gaps)
    verdict.handed_on += sum(later.worker != earlier.worker for earlier, later in pairwise(found))
    verdict.short += [rule.delay - gap for gap in gaps if gap < rule.delay]
    if gaps:
        verdict.shortest = min(gaps) if verdict.shortest == 0 else min(verdict.shortest, *gaps)


def _judge_window(verdict: Verdict, within: Sequence[Arrival], rule: Rule) -> None:
    gaps = _gaps(within)
    verdict.gaps_in_window += len(gaps)
    verdict.short_in_window += [rule.delay - gap for gap in gaps if gap < rule.delay]


def _gaps(found: Sequence[Arrival]) -> list[int]:
    return [later.started - earlier.started for earlier, later in pairwise(found)]


def _judge_open(verdict: Verdict, found: Sequence[Arrival], rule: Rule) -> None:
    """Walk over all starts and ends; an end comes before a start of the same µs."""
    steps = [(one.started, 1) for one in found] + [(one.ended, -1) for one in found if one.ended != STILL_OPEN]
    now_open = 0
    for _, change in sorted(steps):
        now_open += change
        verdict.most_open = max(verdict.most_open, now_open)
        verdict.over_limit += change > 0 and now_open > rule.open_requests


def _judge_use(verdict: Verdict, found: Sequence[Arrival], rule: Rule) -> None:
    """Compare with the pace's limit: a slot is free again a delay after its response, and starts are a delay apart."""
    answered = [one.ended - one.started for one in found[:-1] if one.ended != STILL_OPEN]
    if not answered:
        return
    gaps = len(found) - 1
    response = sum(answered) / len(answered)
    verdict.could_take += gaps * max(rule.delay, (rule.delay + response) / rule.open_requests)
    verdict.took += found[-1].started - found[0].started


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0
