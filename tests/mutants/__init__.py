"""Does a test guard what it says it guards? Each patch here breaks one guard on purpose; its test must go red.

A patch file begins with two header lines and goes on as `git diff` writes it:

    Guards: a Redis that cannot be read is not a Redis with zero requests
    Test: tests/unit/test_scaling.py::test_unknown_holds_the_replicas
"""
