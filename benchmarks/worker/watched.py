"""One crawl, watched by an extension of the bench's project that writes a file."""

import tempfile
from pathlib import Path

from benchmarks.worker import rounds
from benchmarks.worker.inputs import INPUTS, Input


def written(project: str, file_variable: str, side: str, pages: int) -> str:
    """Return what was written of a crawl of the generated site, by hand."""
    with INPUTS["generated"](pages) as given:
        return written_of(given, "callbacks", project, file_variable, side)


def written_of(given: Input, spider: str, project: str, file_variable: str, side: str) -> str:
    """Return what was written: `project` is the settings module, the variable names the file in the environment."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "written"
        environment = {"SCRAPY_SETTINGS_MODULE": project, file_variable: str(file)}
        rounds.once(given.site, side, spider, given.arguments(spider), **environment)
        return file.read_text()
