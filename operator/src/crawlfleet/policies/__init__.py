"""One file per policy: pure functions from `Observed` to what it wants. `planning` asks them in order."""
