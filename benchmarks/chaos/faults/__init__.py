"""What can go wrong: one module for each kind of fault, all of them in `STRIKES`."""

from collections.abc import Mapping
from typing import Final

from benchmarks.chaos.faults import flushing, kills, memory, pauses, poison, redis_process, stops, time_of_day, wires
from benchmarks.chaos.faults.blows import Strike

STRIKES: Final[Mapping[str, Strike]] = {
    "kill-in-download": kills.in_download,
    "kill-in-callback": kills.in_callback,
    "kill-before-settle": kills.before_settle,
    "sigterm": stops.sigterm,
    "sigstop": pauses.sigstop,
    "redis-kill": redis_process.kill,
    "cut-tail": redis_process.cut_tail,
    "redis-away": redis_process.away,
    "lost-replies": wires.lost_replies,
    "stalled-connection": wires.stalled_connection,
    "poison-page": poison.poison_page,
    "scale-to-zero": stops.scale_to_zero,
    "memory-limit": memory.memory_limit,
    "clock-step": time_of_day.step,
    "flushall": flushing.flushall,
}
"""By class. A strike returns when the fault is over; where two strike at once, each has a thread."""
