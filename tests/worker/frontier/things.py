"""Classes of a user's project, as tests carry them: at the top of a module, so that another worker finds them."""

import dataclasses
import enum
from typing import Any, NamedTuple

import attrs
import scrapy
from scrapy import Request, Spider
from scrapy.spiders import CrawlSpider, Rule


class Colour(enum.Enum):
    RED = "red"
    BLUE = ("b", 2)


class Rank(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any


class Book(scrapy.Item):
    title = scrapy.Field()
    price = scrapy.Field()


@dataclasses.dataclass(frozen=True)
class Author:
    name: str
    born: Any = None
    calls: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls.append("built")


@attrs.define(frozen=True)
class Shop:
    name: str
    tags: Any = ()


class Page:
    """Something that lives in one process, like a browser's page."""


class TunedRequest(scrapy.FormRequest):
    """A subclass with an attribute of its own, as some download handlers bring."""

    attributes = (*scrapy.FormRequest.attributes, "level")

    def __init__(self, *args: Any, level: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.level = level
        self.seen_by: Any = None


class Base(Spider):
    def parse_base(self, response: Any) -> None: ...
    def parse_overridden(self, response: Any) -> None: ...


class Books(Base):
    name = "books"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chosen = lambda response: None

    def parse(self, response: Any) -> None: ...
    def parse_book(self, response: Any) -> None: ...
    def failed(self, failure: Any) -> None: ...
    def parse_overridden(self, response: Any) -> None: ...
    def __private(self, response: Any) -> None: ...

    alias = parse_book

    @staticmethod
    def parse_static(response: Any) -> None: ...

    @classmethod
    def parse_class(cls, response: Any) -> None: ...

    def private_request(self) -> Request:
        return Request("http://a.example/", callback=self.__private)

    def super_request(self) -> Request:
        return Request("http://a.example/", callback=super().parse_overridden)


class Crawler(CrawlSpider):
    name = "crawler"
    rules = (Rule(callback="parse_item"),)

    def parse_item(self, response: Any) -> None: ...
