"""What time is it for a worker: seconds that only ever go forward, and that pass while the machine sleeps too.

Grants run out in real time. A clock that stands still in a suspended machine would call a grant valid that its host
has long been promised to somebody else under.
"""

import time
from functools import partial

now = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""Return seconds since some fixed moment."""
