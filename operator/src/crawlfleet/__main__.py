"""`crawlfleet-operator`: read the environment, set logging up, run."""

import asyncio
import json
import logging
import os
import sys

from crawlfleet.app import run
from crawlfleet.config import Config, ConfigError, read_config
from crawlfleet.job import format_time


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry = {
            "time": format_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def set_up_logging(config: Config) -> None:
    """Log to standard error in the configured form."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if config.log_format == "json" else plain)
    logging.basicConfig(level=config.log_level, handlers=[handler], force=True)
    # Its per-object chatter (each event, each "nothing to do") would be the most of a log at INFO.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)


def main() -> int:
    """Run the operator; returns the exit code."""
    try:
        config = read_config(os.environ)
    except ConfigError as error:
        print(f"crawlfleet-operator: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        return 2
    set_up_logging(config)
    asyncio.run(run(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
