"""The settings module of the bench's project, with the worker's calls counted."""

from benchmarks.worker import project
from benchmarks.worker.project import *  # noqa: F403 - a settings module is what it names

EXTENSIONS = {**project.EXTENSIONS, "benchmarks.worker.counting.Counting": 1}
