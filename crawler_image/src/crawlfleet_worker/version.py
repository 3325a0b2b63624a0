"""Does this worker know the Scrapy that the image has? Asked before anything else of Scrapy is imported."""

from crawlfleet_worker.exits import ExitCode, WorkerExit

SUPPORTED = ((2, 17), (2, 18), (2, 19))
"""Minor versions of Scrapy whose engine `engine.py` was written for and tested with."""


def check_scrapy_version() -> None:
    """WorkerExit 68 where Scrapy is missing or a version that this worker does not know."""
    known = ", ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
    try:
        from scrapy import version_info  # noqa: PLC0415 - the question is whether this import works
    except ImportError as error:
        message = f"Scrapy cannot be imported ({error}): install Scrapy {known} in the image"
        raise WorkerExit(ExitCode.UNSUPPORTED_SCRAPY, message) from None
    if tuple(version_info[:2]) not in SUPPORTED:
        found = ".".join(str(part) for part in version_info)
        message = f"Scrapy {found} is not supported: pin Scrapy to one of {known} in the image"
        raise WorkerExit(ExitCode.UNSUPPORTED_SCRAPY, message)
