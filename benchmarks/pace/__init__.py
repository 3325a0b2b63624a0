"""Is every host's pace kept by the whole fleet, as the hosts' own server sees it? `python -m benchmarks.pace`."""
