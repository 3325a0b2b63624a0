"""Properties are tried with the same examples in every run; HYPOTHESIS_PROFILE=search looks for new ones."""

import os

from hypothesis import settings

settings.register_profile("steady", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("search", max_examples=5000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
