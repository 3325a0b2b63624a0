"""How a worker ends: the exit codes of docs/contract.md, and the one line that says why.

The line goes to the container's termination log, which the operator quotes in the condition.
"""

import os
import traceback
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

TERMINATION_LOG_VARIABLE = "CRAWLFLEET_TERMINATION_LOG"
TERMINATION_LOG = "/dev/termination-log"
MAX_MESSAGE_CHARACTERS = 1000


class ExitCode(IntEnum):
    """Why a worker ended."""

    DRAINED = 0
    CONTRACT_BROKEN = 64
    SPIDER_NOT_FOUND = 65
    SPIDER_IMPORT_FAILED = 66
    SPIDER_START_FAILED = 67
    UNSUPPORTED_SCRAPY = 68
    WORKER_CRASHED = 70
    REDIS_ACCESS_DENIED = 77
    LAYOUT_MISMATCH = 78


class WorkerExit(Exception):  # noqa: N818 - an end, not always an error
    """The worker ends with this code, and says this line about cause and mend."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def write_termination_message(message: str) -> None:
    """Write `message` as one line to the termination log; without such a file (outside a cluster) do nothing."""
    line = " ".join(message.split())[:MAX_MESSAGE_CHARACTERS]
    path = os.environ.get(TERMINATION_LOG_VARIABLE, TERMINATION_LOG)
    with suppress(OSError):
        Path(path).write_text(line + "\n", encoding="utf-8")


def last_line(error: BaseException) -> str:
    """Return the last line of the traceback, with the place it happened: `KeyError: 'x' (spiders/books.py:12)`."""
    summary = "".join(traceback.format_exception_only(error)).strip().splitlines()
    text = summary[-1] if summary else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or isinstance(error, SyntaxError):
        return text
    return f"{text} ({_short(frames[-1].filename)}:{frames[-1].lineno})"


def setting_read_by(error: BaseException) -> str | None:
    """Return the name of the Scrapy setting that was read when `error` was raised, if it was."""
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if code.co_name.startswith("get") and code.co_filename.endswith("scrapy/settings/__init__.py"):
            return str(frame.tb_frame.f_locals.get("name"))
        frame = frame.tb_next
    return None


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-2:])
