"""What did this process use, from the begin of its crawl to the end? Written to the file that METER_FILE names."""

import json
import os
import re
import resource
from pathlib import Path
from typing import Final

METER_FILE: Final = "CRAWLFLEET_BENCH_METER"


class Meter:
    """CPU seconds (user and system) of this process and its threads, counted from where it is made."""

    def __init__(self) -> None:
        self._before = _cpu_seconds()

    def write(self, items: int) -> None:
        """Write what was used so far, and how many items came of it."""
        found = {
            "cpu_seconds": _cpu_seconds() - self._before,
            "start_cpu_seconds": self._before,
            "peak_rss_mib": _peak_rss_mib(),
            "items": items,
        }
        Path(os.environ[METER_FILE]).write_text(json.dumps(found))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_rss_mib() -> float:
    """Return the peak of this program's memory: `ru_maxrss` would hold that of the process that started it, too."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("/proc/self/status has no VmHWM: this needs Linux")
    return int(found[1]) / 1024
