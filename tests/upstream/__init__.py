"""Scrapy's own tests, with our fast paths in place of its code."""
