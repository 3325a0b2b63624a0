"""A spider with its own start(): run it with `seeds: {type: Spider}`."""

import scrapy


class BooksSpider(scrapy.Spider):
    """Books of one category, or of all: `spider: {name: books, arguments: {category: travel}}`."""

    name = "books"

    def __init__(self, site="https://books.example", category="", **kwargs):
        super().__init__(**kwargs)
        self.site, self.category = site, category

    async def start(self):
        path = f"/category/{self.category}/" if self.category else "/"
        yield scrapy.Request(self.site + path)

    def parse(self, response):
        for link in response.css("article a::attr(href)").getall():
            yield response.follow(link, self.parse_book)
        for link in response.css("li.next a::attr(href)").getall():
            yield response.follow(link)

    def parse_book(self, response):
        yield {
            "url": response.url,
            "title": response.css("h1::text").get(),
            "price": response.css("p.price::text").get(),
        }
