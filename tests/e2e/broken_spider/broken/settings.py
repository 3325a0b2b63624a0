"""Settings of the project that cannot be imported."""

SPIDER_MODULES = ["broken.spiders"]
