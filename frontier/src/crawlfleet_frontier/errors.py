"""Why did a store refuse a call? One exception for each word that an error reply begins with.

Wherever one of these is raised, the store wrote nothing.
"""

# ruff: noqa: N818 - named after what happened, as the words are

from typing import ClassVar


class FrontierError(Exception):
    """A store refused a call; its text is what the store said after the word."""

    word: ClassVar[str] = ""


class Fenced(FrontierError):
    """The epoch is not (or no longer) known: drop everything held under it and join with a new one."""

    word = "FENCED"


class NoSentinel(FrontierError):
    """The store is not there: never created, or its Redis was emptied. Its zeros would mean nothing."""

    word = "NOSENTINEL"


class LayoutMismatch(FrontierError):
    """The store was written by another version of the layout: use the image that fits it."""

    word = "LAYOUT"


class Closed(FrontierError):
    """The job is closed against pushes; only `reopen` changes that."""

    word = "CLOSED"


class OutOfOrder(FrontierError):
    """A numbered call is neither the next one nor one of the last eight: a call before it is missing."""

    word = "ORDER"


class TooBig(FrontierError):
    """The batch is larger than the script's bound: send it in parts."""

    word = "TOOBIG"


class BadInput(FrontierError):
    """An argument does not have the shape that the script's contract asks for."""

    word = "BADINPUT"


BY_WORD: dict[str, type[FrontierError]] = {
    kind.word: kind for kind in (Fenced, NoSentinel, LayoutMismatch, Closed, OutOfOrder, TooBig, BadInput)
}


def from_reply(text: str) -> FrontierError | None:
    """Return the exception that an error reply stands for; None where it is Redis' own (`OOM`, `NOSCRIPT`, …)."""
    word, _, explanation = text.partition(" ")
    kind = BY_WORD.get(word)
    return kind(explanation) if kind else None
