"""Which address is the n-th host? All of 127.0.0.0/8 is this machine: a host for each address."""

from typing import Final

MOST_HOSTS: Final = 250 * 250
PROBE: Final = 126_000
"""The number of the host that only the judge's own probes ask; divisible by 3 and 5, so that it answers at once."""
PROBE_ADDRESS: Final = "127.99.0.1"


def address(number: int) -> str:
    """Return the host's address. ValueError where there are not so many."""
    if not 0 <= number < MOST_HOSTS:
        raise ValueError(f"host {number}: there are {MOST_HOSTS}, from 0 on")
    return f"127.1.{number // 250}.{number % 250 + 1}"


def host_number(given: str) -> int:
    """Return the number of the host with this address."""
    if given == PROBE_ADDRESS:
        return PROBE
    _, _, third, fourth = given.split(".")
    return int(third) * 250 + int(fourth) - 1
