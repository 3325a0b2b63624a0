"""What text does a script have when it is sent: its file with the libraries that it includes?

A script is `<package>/scripts/<name>.lua`. A line `--@include NAME` is replaced by `<package>/scripts/lib/NAME.lua`, or
by `scripts/lib/NAME.lua` of the package `crawlfleet_frontier` for what both stores use. A library may include others;
each comes in once, where it is first asked for.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Literal

Package = Literal["store", "pace"]
"""The two stores, each a package below `crawlfleet_frontier`."""

INCLUDE: Final = re.compile(r"^--@include ([a-z_]+)\s*$")


@cache
def script(package: Package, name: str) -> str:
    """Return the text of a script with its includes; FileNotFoundError names a script or library that is missing."""
    return "".join(_lines(package, _scripts(package).joinpath(f"{name}.lua"), set()))


@cache
def sha1(package: Package, name: str) -> str:
    """Return the name by which `EVALSHA` knows the script: 40 hexadecimal digits."""
    return hashlib.sha1(script(package, name).encode(), usedforsecurity=False).hexdigest()


@cache
def script_names(package: Package) -> tuple[str, ...]:
    """Return the names of all scripts of a store, in order of the alphabet."""
    return tuple(sorted(entry.name.removesuffix(".lua") for entry in _scripts(package).iterdir() if _is_lua(entry)))


def _lines(package: Package, file: Traversable, included: set[str]) -> list[str]:
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        include = INCLUDE.match(line)
        if include is None:
            lines.append(line)
        elif include[1] not in included:
            included.add(include[1])
            lines += [*_lines(package, _library(package, include[1]), included), "\n"]
    return lines


def _library(package: Package, name: str) -> Traversable:
    own = _scripts(package).joinpath("lib", f"{name}.lua")
    shared = files("crawlfleet_frontier").joinpath("scripts", "lib", f"{name}.lua")
    return own if own.is_file() else shared


def _scripts(package: Package) -> Traversable:
    return files("crawlfleet_frontier").joinpath(package, "scripts")


def _is_lua(entry: Traversable) -> bool:
    return entry.is_file() and entry.name.endswith(".lua")
