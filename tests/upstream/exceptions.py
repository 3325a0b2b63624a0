"""Tests of Scrapy that do not pass with our fast paths, each with the reason and the test of ours that covers it."""

from collections.abc import Mapping
from typing import Final

MOST: Final = 10

EXCEPTIONS: Final[Mapping[str, str]] = {}
