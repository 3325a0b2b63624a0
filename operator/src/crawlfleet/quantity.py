"""Kubernetes' quantities of memory, as bytes."""

from typing import Final

_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def parse_bytes(quantity: str) -> int:
    """Return the bytes of a quantity such as `512Mi`, `1.5G` or `1073741824`; raises ValueError for another form."""
    number = quantity.rstrip("kKMGTi")
    unit = quantity[len(number) :]
    if unit not in _UNITS:
        raise ValueError(f"{quantity!r} is no quantity of memory: write it as 512Mi or 1Gi")
    return int(float(number) * _UNITS[unit])
