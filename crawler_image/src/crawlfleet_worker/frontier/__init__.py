"""The Scrapy side of `engine: Frontier`: a spider whose requests, pace, robots.txt and cookies are the fleet's."""
