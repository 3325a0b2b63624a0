"""Which changes of conditions are worth an Event, and of which kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from crawlfleet.conditions import ConditionType, Reason
from crawlfleet.job import Body

NOTED = {
    (ConditionType.PROGRESSING, "False"),
    (ConditionType.COMPLETE, "True"),
    (ConditionType.FAILED, "True"),
    (ConditionType.SUSPENDED, "True"),
    (ConditionType.FRONTIER_INTACT, "False"),
    (ConditionType.FRONTIER_OBSERVABLE, "False"),
}

GOOD = {Reason.FINISHED, Reason.SUSPENDED, Reason.CRAWL_FINISHED, Reason.PAGE_LIMIT_REACHED}


@dataclass(frozen=True, slots=True)
class Note:
    """An Event to be recorded on the CrawlJob."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def notes_of(before: Iterable[Body], after: Iterable[Body]) -> tuple[Note, ...]:
    """Return a note for each condition that newly has a noted status, or has it for a new reason."""
    old = {condition["type"]: (condition["status"], condition["reason"]) for condition in before}
    return tuple(
        _note(condition)
        for condition in after
        if old.get(condition["type"]) != (condition["status"], condition["reason"]) and _is_noted(condition)
    )


def _is_noted(condition: Body) -> bool:
    if condition["type"] == ConditionType.PROGRESSING and condition["reason"] in GOOD:
        return False  # Complete, Failed or Suspended says it
    if condition["type"] == ConditionType.PROGRESSING and condition["status"] == "True":
        return condition["reason"] in (Reason.STARTING, Reason.SEEDING)
    return (condition["type"], condition["status"]) in NOTED


def _note(condition: Body) -> Note:
    good = condition["status"] == "True" and condition["type"] != ConditionType.FAILED
    kind: Literal["Normal", "Warning"] = "Normal" if good else "Warning"
    return Note(kind, condition["reason"], condition["message"])
