"""What text does a script have when it is sent: its file with the libraries that it includes?

A script is `<package>/scripts/<name>.lua`. A line `--@include NAME` is replaced by `<package>/scripts/lib/NAME.lua`, or
by `scripts/lib/NAME.lua` of the package `crawlfleet_frontier` for what both stores use. A library may include others;
each comes in once, where it is first asked for.

Redis builds everything that a script defines anew at each call, so what costs nothing elsewhere costs time here:
functions that the script does not use are left out, each library has a block of its own (a function is the dearer to
make, the more variables of the outermost block are used by functions already made), and its table is made at the
block's end, all at once (one that grows function by function is laid out anew each time that it has doubled). So a
library does not use its own table before its functions are called.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Literal

Package = Literal["store", "pace"]
"""The two stores, each a package below `crawlfleet_frontier`."""

INCLUDE: Final = re.compile(r"^--@include ([a-z_]+)\s*$")
FUNCTION: Final = re.compile(
    r"^(?:local )?function (?P<name>[a-z_.]+)\((?:[^\n]* end\n|[^\n]*\n(?:(?!end$)[^\n]*\n)*end\n)", re.MULTILINE
)
"""A function of a script or library: it begins and ends at the first column, or is one line."""


NAME: Final = re.compile(r"(?<![\w.])\w[\w.]*")
COMMENT: Final = re.compile(r"--.*")

BLOCK_END: Final = "end  -- of the library\n"
_LINES: Final = r"(?:(?!end  -- of the library)[^\n]*\n)*"
BLOCK: Final = re.compile(
    rf"^local (?P<name>[a-z_]+) do\n(?P<before>{_LINES}?)"
    r"(?P=name) = \{(?P<fields>[^\n]*(?=\}\n)|\n(?:(?!\}\n)[^\n]*\n)*)\}\n"
    rf"(?P<rest>{_LINES}){re.escape(BLOCK_END)}",
    re.MULTILINE,
)
"""A library's block: what comes before its table, the table's own fields, what follows."""


@cache
def script(package: Package, name: str) -> str:
    """Return the text of a script with its includes; FileNotFoundError names a script or library that is missing."""
    text = _pruned("".join(_lines(package, _scripts(package).joinpath(f"{name}.lua"), set())))
    return BLOCK.sub(_with_table_at_the_end, text)


@cache
def sha1(package: Package, name: str) -> str:
    """Return the name by which `EVALSHA` knows the script: 40 hexadecimal digits."""
    return hashlib.sha1(script(package, name).encode(), usedforsecurity=False).hexdigest()


@cache
def script_names(package: Package) -> tuple[str, ...]:
    """Return the names of all scripts of a store, in order of the alphabet."""
    return tuple(sorted(entry.name.removesuffix(".lua") for entry in _scripts(package).iterdir() if _is_lua(entry)))


def _with_table_at_the_end(block: re.Match[str]) -> str:
    """Make the library's functions first, and then the table of them."""
    name = block["name"]
    members: list[str] = []

    def as_local(function: re.Match[str]) -> str:
        members.append(f"{function[1]} = {name}_{function[1]}")
        return f"local function {name}_{function[1]}("

    rest = re.sub(rf"^function {name}\.([a-z_]+)\(", as_local, block["rest"], flags=re.MULTILINE)
    fields = block["fields"]
    comma = ", " if fields and not fields.endswith("\n") else ""  # fields in lines of their own end with one
    table = f"{name} = {{{fields}{comma}{', '.join(members)}}}\n"
    return f"local {name} do\n{block['before']}{rest}{table}{BLOCK_END}"


def _pruned(text: str) -> str:
    """Leave out the functions that nothing else names, until there are none."""
    while True:
        mentions = _mentions(text)
        unused = [found for found in FUNCTION.finditer(text) if _is_unused(found, mentions)]
        if not unused:
            return text
        for found in reversed(unused):
            text = text[: found.start()] + text[found.end() :]


def _is_unused(function: re.Match[str], mentions: Mapping[str, int]) -> bool:
    name = function["name"]
    return mentions[name] == _mentions_within(function[0])[name]


@cache
def _mentions_within(function: str) -> Mapping[str, int]:
    """Count the names in one function; most are in several scripts."""
    return _mentions(function)


def _mentions(text: str) -> Counter[str]:
    """Count the names in the code, comments apart; `a.b.c` names `a`, `a.b` and `a.b.c`."""
    found: Counter[str] = Counter()
    for name, times in Counter(NAME.findall(COMMENT.sub("", text))).items():
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            found[".".join(parts[:count])] += times
    return found


def _lines(package: Package, file: Traversable, included: set[str]) -> list[str]:
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        include = INCLUDE.match(line)
        if include is None:
            lines.append(line)
        elif include[1] not in included:
            included.add(include[1])
            lines += _block(include[1], _lines(package, _library(package, include[1]), included))
    return lines


def _block(library: str, lines: list[str]) -> list[str]:
    """Keep what is the library's own to itself; those that it includes come before its own text."""
    table = f"local {library} = "
    start = next(index for index, line in enumerate(lines) if line.startswith(table))
    own = max((index for index, line in enumerate(lines[:start]) if line == BLOCK_END), default=-1) + 1
    return [
        *lines[:own],
        f"local {library} do\n",
        *lines[own:start],
        lines[start].removeprefix("local "),
        *lines[start + 1 :],
        BLOCK_END,
    ]


def _library(package: Package, name: str) -> Traversable:
    own = _scripts(package).joinpath("lib", f"{name}.lua")
    shared = files("crawlfleet_frontier").joinpath("scripts", "lib", f"{name}.lua")
    return own if own.is_file() else shared


def _scripts(package: Package) -> Traversable:
    return files("crawlfleet_frontier").joinpath(package, "scripts")


def _is_lua(entry: Traversable) -> bool:
    return entry.is_file() and entry.name.endswith(".lua")
