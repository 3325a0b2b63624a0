"""Does the judge see what a server would, and does its verdict name each fault? Pure cases, and raw clients."""

import asyncio
import socket

import pytest

from benchmarks.monotonic import now_us
from benchmarks.pace.addresses import address, host_number
from benchmarks.pace.arrivals import STILL_OPEN, Arrival
from benchmarks.pace.cells import all_cells
from benchmarks.pace.fetching import request
from benchmarks.pace.judge import judging
from benchmarks.pace.probe import Probes
from benchmarks.pace.verdict import Rule, by_host, judge

ALL = (0, 10**12)


def seen(started, ended=None, worker=0, host=0):
    return Arrival(host, started, started, worker, started + 10 if ended is None else ended)


def verdict(*arrivals, delay=100, open_requests=1, window=ALL):
    return judge(by_host(arrivals), Rule(delay, open_requests), window)


def test_a_gap_below_the_delay_is_short_by_what_it_lacks():
    assert verdict(seen(0), seen(99), seen(199)).short == [1]
    assert verdict(seen(0), seen(100), seen(200)).short == []
    assert verdict(seen(0), seen(40), seen(200)).shortest == 40


def test_each_host_is_judged_for_itself_and_whatever_the_order_of_the_log():
    found = verdict(seen(100), seen(1, host=1), seen(0), seen(101, host=1))
    assert (found.requests, found.gaps, found.short) == (4, 2, [])


def test_a_moment_with_more_open_than_allowed_is_found_and_an_end_frees_the_same_moment():
    assert verdict(seen(0, 50), seen(49, 60), delay=0).over_limit == 1
    assert verdict(seen(0, 50), seen(50, 60), delay=0).over_limit == 0
    three = (seen(0, STILL_OPEN), seen(1, STILL_OPEN), seen(2, STILL_OPEN))
    assert verdict(*three, delay=0, open_requests=2).over_limit == 1
    assert verdict(*three, delay=0, open_requests=2).most_open == 3


def test_gaps_between_two_workers_are_counted():
    assert verdict(seen(0, worker=1), seen(100, worker=2), seen(200, worker=2)).handed_on == 1


def test_the_share_used_is_one_where_each_request_comes_a_delay_after_the_last_response():
    assert verdict(seen(0, 50), seen(150, 200), seen(300, 350)).used == 1
    assert verdict(seen(0, 50), seen(300, 350), seen(600, 650)).used == 0.5
    assert verdict(seen(0, 50), seen(100, 150), seen(200, 250), open_requests=4).used == 1
    slow = [seen(250 * n, 250 * n + 400) for n in range(5)]
    assert verdict(*slow, open_requests=2).used == 1, "two slots, each free a delay after its response"


def test_only_what_began_in_the_window_counts_for_the_share_and_all_for_the_pace():
    found = verdict(seen(0), seen(50), seen(1000, 1050), seen(1150), window=(1000, 2000))
    assert (found.used, found.short, found.short_in_window) == (1, [50], [])


def test_hosts_are_addresses_of_loopback_and_back():
    assert [host_number(address(number)) for number in (0, 249, 250, 999)] == [0, 249, 250, 999]
    with pytest.raises(ValueError, match="62500"):
        address(62500)


def test_the_evidence_has_every_cell_of_the_plan():
    cells = all_cells()
    assert len({(c.kind, c.workers, c.delay_ms, c.open_requests) for c in cells}) == len(cells) == 66


def ask(host, port):
    client = socket.create_connection((address(host), port))
    client.sendall(request(address(host), "/7", "pod-3"))
    return client


def test_raw_clients_are_seen_as_they_sent_by_host_worker_and_time():
    with judging((0, 300), ahead=5) as court:
        before = now_us()
        with ask(0, court.port) as first:
            assert b'href="/12"' in first.recv(4096)
        with ask(0, court.port) as second:
            second.recv(4096)
        after = now_us()
        with ask(1, court.port) as slow, ask(1, court.port) as other:
            slow.recv(4096)
            other.recv(4096)
    hosts = by_host(court.arrivals())
    quick, slow = hosts[0], hosts[1]
    assert before <= quick[0].started <= quick[0].seen <= quick[0].ended <= quick[1].started <= after
    assert {arrival.worker for arrival in (*quick, *slow)} == {3}
    assert judge({1: slow}, Rule(0, 1), ALL).over_limit == 1
    assert len(judge({0: quick}, Rule(60_000_000, 1), ALL).short) == 1


def test_the_judges_error_is_told_by_clients_with_a_clock_of_their_own():
    with judging((0.0,), ahead=1) as court:
        probes = Probes(court.port)
        probes.run(0.2)
    error = probes.error(court.arrivals())
    assert error["probes"] == len(probes.sends) >= 2
    assert error["outside_of_send_max_us"] < 1000, "the kernel's stamp lies between before and after `send`"


async def test_the_judge_listens_on_loopback_alone():
    with judging((0.0,), ahead=1) as court:
        outside = [
            found[4][0]
            for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
            if not str(found[4][0]).startswith("127.")
        ]
        for one in outside:
            with pytest.raises((ConnectionError, TimeoutError)):
                await asyncio.wait_for(asyncio.open_connection(one, court.port), 5)
