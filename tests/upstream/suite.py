"""Scrapy's released sdist, a place to run its tests in, and a run of them."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from cluster import paths
from tests.upstream import results

ROOT: Final = Path(__file__).parents[2]
PLUGIN: Final = Path(__file__).with_name("fast_everywhere.py")
LOCK: Final = "requirements/upstream.txt"
MITMPROXY_LOCK: Final = "requirements/mitmproxy.txt"
FILES: Final = (
    "test_closespider.py",
    "test_core_downloader.py",
    "test_core_scraper.py",
    "test_crawl.py",
    "test_downloader_handler_aiohttp.py",
    "test_downloadermiddleware*.py",
    "test_downloaderslotssettings.py",
    "test_dupefilters.py",
    "test_engine*.py",
    "test_http_*.py",
    "test_linkextractors.py",
    "test_logformatter.py",
    "test_middleware.py",
    "test_pipeline*.py",
    "test_request_*.py",
    "test_scheduler*.py",
    "test_signal*.py",
    "test_spider.py",
    "test_spider_*.py",
    "test_spidermiddleware*.py",
    "test_stats.py",
    "test_utils_request.py",
    "test_utils_response.py",
    "test_utils_signal.py",
    "test_utils_url.py",
)
"""Tests of what a fast path stands in for, or of what calls it."""

OPTIONS: Final = (
    *("-p", "no:twisted", "--reactor=none", "-m", "not requires_internet"),
    *("-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function"),
    *("-W", "ignore::pytest.PytestRemovedIn10Warning"),  # our pytest is younger than this Scrapy
    *("-q", "--no-header", "--tb=short"),
)
SECONDS: Final = 1200
"""For one run."""


def cache() -> Path:
    """Return the folder for what is fetched and built; it is reused."""
    return paths.cache() / "scrapy-suite"


def locked(package: str) -> str:
    """Return the package's requirement with its hashes, as the lock file has it."""
    found = re.search(rf"^{package}==(?:.*\\\n)*.*\n", (ROOT / LOCK).read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{LOCK} names no {package}")
    return found[0]


def python(folder: Path) -> Path:
    """Return the interpreter of a venv with the worker's locked packages and what Scrapy's tests want."""
    venv = folder / "venv"
    subprocess.run([ROOT / "tools/venv"], check=True, env={**os.environ, "VENV": str(venv)})
    installed = ("--python", venv / "bin/python", "--require-hashes", "-r", ROOT / LOCK)
    subprocess.run([venv / "bin/uv", "pip", "install", "--quiet", *installed], check=True)
    return venv / "bin/python"


def mitmdump(folder: Path, interpreter: Path) -> Path:
    """Return the proxy that Scrapy's tests of proxies start; they would fetch any version of it, or be skipped."""
    uv, venv = interpreter.with_name("uv"), folder / "mitmproxy"
    if not (venv / "bin/python").exists():
        subprocess.run([uv, "venv", "--quiet", "--python", interpreter, venv], check=True)
    installed = ("--python", venv / "bin/python", "--require-hashes", "-r", ROOT / MITMPROXY_LOCK)
    subprocess.run([uv, "pip", "install", "--quiet", *installed], check=True)
    return venv / "bin/mitmdump"


def sdist(folder: Path, interpreter: Path) -> Path:
    """Return the unpacked sdist of the locked Scrapy, fetched where it is not there."""
    pinned = locked("scrapy")
    name = pinned.split()[0].replace("==", "-")
    unpacked = folder / name
    if not unpacked.exists():
        (folder / "scrapy.txt").write_text(pinned)
        wanted = ("--no-deps", "--no-binary", ":all:", "--require-hashes", "-r", "scrapy.txt")
        subprocess.run([interpreter, "-m", "pip", "download", "--quiet", *wanted], check=True, cwd=folder)
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        shutil.rmtree(unpacked / "scrapy")  # the installed one is tested
    return unpacked


def run(interpreter: Path, tests: Path, report: Path, *, proxy: Path, fast: bool) -> results.Outcomes:
    """Run Scrapy's tests in their own folder, with its code or with ours; RuntimeError where they do not run at all."""
    files = sorted(str(file.relative_to(tests)) for pattern in FILES for file in (tests / "tests").glob(pattern))
    plugin = ["-p", PLUGIN.stem] if fast else []
    environment = {
        **os.environ,
        "PYTHONPATH": str(PLUGIN.parent),
        "CRAWLFLEET_FAST_USED": f"{report}.used",
        "MITMDUMP": str(proxy),
    }
    done = subprocess.run(
        [interpreter, "-m", "pytest", *OPTIONS, f"--junitxml={report}", *plugin, *files],
        cwd=tests,
        env=environment,
        timeout=SECONDS,
        stdout=report.with_suffix(".log").open("w"),
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.stderr.write(report.with_suffix(".log").read_text()[-4000:])
        raise RuntimeError(f"Scrapy's tests did not run: pytest ended with {done.returncode}")
    return results.read(report)
