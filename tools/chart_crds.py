"""Which CRDs does the chart bring? Those of `crds/`, byte for byte, with a line that says where they come from."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = REPOSITORY / "crds"
COPIES: Final = REPOSITORY / "charts" / "crawlfleet" / "files" / "crds"
_ORIGIN: Final = "# A copy of crds/{name}, made by `make generate`: change that file.\n"


def outputs() -> dict[Path, str]:
    """Return each copy's path and text."""
    return {
        COPIES / source.name: _ORIGIN.format(name=source.name) + source.read_text(encoding="utf-8")
        for source in sorted(SOURCES.glob("*.yaml"))
    }
