"""What does a worker say to the pace store, and when: closed slots, hosts with work, the next slots."""

from dataclasses import dataclass, field
from functools import partial
from math import inf

from crawlfleet_frontier.calls import ScriptCall
from crawlfleet_frontier.client import rhythm
from crawlfleet_frontier.client.books import Books
from crawlfleet_frontier.client.channel import Answer, Sending
from crawlfleet_frontier.client.leases import GRANT_SECONDS, Grant
from crawlfleet_frontier.client.store_talk import Send, StoreTalk, plain
from crawlfleet_frontier.pace import calls, replies
from crawlfleet_frontier.pace.keys import PaceKeys


@dataclass(slots=True)
class PaceTalk:
    """The talk of one epoch with its pace store."""

    books: Books
    keys: PaceKeys
    send: Send
    store: StoreTalk
    known_store: str = ""
    """The pace store that the frontier has told all its hosts."""
    elapsed: rhythm.Elapsed = field(default_factory=rhythm.Elapsed)
    trip: rhythm.RoundTrip = field(default_factory=rhythm.RoundTrip)
    policy_version: str = ""
    exchanged: int = 0
    """Answers so far."""
    _busy: bool = False
    _last: float = -inf
    _next_host: float = inf
    _more: bool = False

    def exchange_due(self, now: float) -> float:
        """Say and take what is due; return when it wants to be asked again."""
        if self._busy:
            return inf
        self.books.grants.lead = rhythm.lead(self.trip, self.store.trip)
        due = self._due(now)
        if due > now:
            return due
        self._exchange(now)
        return inf

    def say_now(self) -> None:
        """Send an exchange whether one is due or not."""
        self._last, self._next_host = -inf, -inf

    def _due(self, now: float) -> float:
        books = self.books
        hungry = books.hungry()
        appetite = rhythm.Appetite(books.free_slots(now), hungry, books.grants.delay, self._more)
        return min(
            books.grants.due(now, books.of_use),
            rhythm.news_due(books.news.since, self._last, hungry),
            books.asks.due(),
            rhythm.hosts_due(appetite, self._last, self._next_host, self._horizon()),
            books.grants.cedes_until if books.grants.cedes(now) else inf,
        )

    def _horizon(self) -> float:
        return self.books.settings.horizon_seconds

    def _exchange(self, now: float) -> None:
        books, slots = self.books, self.books.free_slots(now)
        wants, idles = books.news.next_words()
        asks = books.asks.next_asks(now)
        said = partial(
            calls.Exchange,
            elapsed_ms=self.elapsed.since_last(now),
            open_ms=int(books.settings.open_seconds * 1000),
            closes=books.grants.next_closes(now),
            holds=books.grants.next_holds(now, books.of_use),
            take=self._take(slots),
            wants=wants,
            idles=idles,
            asks=asks,
        )
        self._busy, self._last = True, now

        def build(sending: Sending) -> ScriptCall:
            return calls.exchange(self.keys, sending.epoch, sending.number, said(sending.run_id))

        def answered(answer: Answer) -> None:
            self._busy = False
            self._answered(answer)
            books.news.passed(wants)
            books.asks.answered(asks, answer.received_at)

        self.send(build, answered)

    def _take(self, slots: int) -> calls.Take:
        hosts, horizon = min(slots, calls.MOST_HOSTS), int(self._horizon() * 1000)
        return calls.Take(hosts, slots, horizon, self.books.grants.starving())

    def _answered(self, answer: Answer) -> None:
        reply, now = replies.read_exchange(answer.reply), answer.received_at
        self.trip.took(now - answer.sent_at)
        self.exchanged += 1
        self.policy_version = reply.policy_version
        self._next_host = inf if reply.next_due_ms == replies.NONE_WAITS else now + reply.next_due_ms / 1000
        self._more = len(reply.grants) >= calls.MOST_HOSTS
        for held in reply.holds:
            self._renewed(held, answer)
        for granted in reply.grants:
            self._granted(granted, answer)
        for refused in reply.refused:
            self.books.asks.refused(refused.host, refused.retry_in_ms, now)
        for host in reply.blocked:
            self.store.block(host)
        if reply.store_id != self.known_store:
            self.known_store = reply.store_id
            self.store.rewake(reply.store_id)

    def _renewed(self, held: replies.Held, answer: Answer) -> None:
        """Take in what is allowed of a grant; it may have run out meanwhile, and its leases have lost their slots."""
        books = self.books
        books.grants.held(held.token, held.slots, answer.sent_at)
        grant = books.grants.by_token.get(held.token)
        if grant is not None:
            books.asks.serve(grant.host, answer.received_at)
            books.stock.pair(grant.host, answer.received_at)

    def _granted(self, granted: replies.Grant, answer: Answer) -> None:
        now, wait = answer.received_at, granted.wait_ms / 1000
        grant = Grant(
            granted.token,
            granted.host,
            granted.slots,
            granted.delay_ms / 1000,
            not_before=now + wait,
            send_by=answer.sent_at + wait + GRANT_SECONDS,
        )
        self.books.grants.add(grant, now)
        self.books.empty_hosts.pop(granted.host, None)
        if granted.asked:
            self.books.asks.serve(granted.host, now)
        self.books.stock.pair(granted.host, now)


def confirm_dead(send: Send, keys: PaceKeys, dead: list[str], spared: list[str]) -> None:
    """Free the slots of processes that have ended, step by step."""

    def confirmed(answer: Answer) -> None:
        if replies.read_freed(answer.reply):
            confirm_dead(send, keys, dead, spared)

    send(plain(calls.confirm_dead(keys, dead, spared)), confirmed, numbered=False)
