"""Kubernetes' quantities of memory, as bytes."""

import re
from typing import Final

_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
}
_FORM: Final = re.compile(r"(?P<number>[0-9]+(\.[0-9]*)?|\.[0-9]+)(?P<unit>[kMGTPE]|[KMGTPE]i)?")
_EXPONENT: Final = re.compile(r"[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]{1,2}")


def parse_bytes(quantity: str) -> int:
    """Return the bytes of a quantity (`512Mi`, `1.5G`, `1e9`, `1073741824`); raises ValueError for another form."""
    if _EXPONENT.fullmatch(quantity):
        return int(float(quantity))
    form = _FORM.fullmatch(quantity)
    if form is None:
        raise ValueError(f"{quantity!r} is no quantity of memory: write it as 512Mi or 1Gi")
    return int(float(form["number"]) * _UNITS[form["unit"] or ""])
