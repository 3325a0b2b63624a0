"""One crawl of the generated site, watched by an extension of the bench's project that writes a file."""

import tempfile
from pathlib import Path

from benchmarks.worker import rounds
from benchmarks.worker.inputs import CONNECTIONS
from benchmarks.worker.pages import generated
from tests.servers.site import nginx_site


def written(project: str, file_variable: str, side: str, pages: int) -> str:
    """Return what was written: `project` is the settings module, the variable names the file in the environment."""
    with tempfile.TemporaryDirectory() as name, nginx_site(generated(pages), CONNECTIONS) as site:
        file = Path(name) / "written"
        environment = {"SCRAPY_SETTINGS_MODULE": project, file_variable: str(file)}
        rounds.once(site, side, "callbacks", None, **environment)
        return file.read_text()
