"""The settings module of the bench's project, with the stacks of the worker counted."""

from benchmarks.worker import project
from benchmarks.worker.project import *  # noqa: F403 - a settings module is what it names

EXTENSIONS = {**project.EXTENSIONS, "benchmarks.worker.sampling.Sampling": 1}
