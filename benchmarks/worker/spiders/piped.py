"""Callbacks by hand, whose items go through two pipelines."""

from typing import Any

from scrapy.exceptions import DropItem

from benchmarks.worker.spiders.by_hand import Pages


class Tidy:
    """White space out of every text, and no fields without one."""

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return a tidied copy."""
        return {name: " ".join(value.split()) for name, value in item.items() if value}


class Checked:
    """Items without a URL are dropped; the others are told how many fields they have."""

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the item with its number of fields."""
        if not item.get("url"):
            raise DropItem("an item without a URL")
        return {**item, "fields": len(item)}


class PipedPages(Pages):
    """The same spider with two pipelines."""

    name = "pipelines"
    custom_settings = {"ITEM_PIPELINES": {Tidy: 300, Checked: 400}}  # noqa: RUF012 - as Scrapy declares it
