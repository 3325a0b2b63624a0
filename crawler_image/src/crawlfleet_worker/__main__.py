"""`crawlfleet-worker`: one worker, from its environment to its exit code (docs/contract.md)."""

import logging
import sys

from crawlfleet_worker.exits import ExitCode, WorkerExit, last_line, write_termination_message
from crawlfleet_worker.signals import Stop
from crawlfleet_worker.version import check_scrapy_version


def main() -> int:
    """Run one worker; whatever ends it has an exit code and one line in the termination log."""
    stop = Stop()
    stop.install()
    try:
        check_scrapy_version()
        from crawlfleet_worker.process import run  # noqa: PLC0415 - not before the version is known

        return run(stop)
    except WorkerExit as end:
        return _say(end.code, end.message)
    except SystemExit:
        if not stop.requested:
            raise
        return _say(ExitCode.DRAINED, "stopped before the crawl began")
    except BaseException as error:
        logging.getLogger(__name__).exception("The worker crashed")
        return _say(ExitCode.WORKER_CRASHED, last_line(error))


def _say(code: ExitCode, message: str) -> int:
    write_termination_message(message)
    print(f"crawlfleet-worker: {message}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
