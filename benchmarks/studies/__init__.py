"""Long measurements: each module declares one as `EVIDENCE` (see `benchmarks/evidence.py`)."""
