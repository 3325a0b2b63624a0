"""Measurements that take long: what was run, on what, with which code. `evidence` is the entry."""
