"""Ordinary spiders, as their users write them: every Scrapy side of the benchmark runs these."""
