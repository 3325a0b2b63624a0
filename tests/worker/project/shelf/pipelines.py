"""A pipeline that drops and raises."""

from scrapy.exceptions import DropItem


class Picky:
    def process_item(self, item):
        if isinstance(item, dict) and "drop" in item:
            raise DropItem("not wanted")
        if isinstance(item, dict) and "break" in item:
            raise RuntimeError("a pipeline that raises")
        return item
