"""Properties are tried with the same examples in every run; HYPOTHESIS_PROFILE=search looks for new ones.

How long a value takes to be drawn says something of the machine alone.
"""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow]

settings.register_profile(
    "steady", max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW
)
settings.register_profile("search", max_examples=5000, deadline=None, database=None, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
