"""Programs for those who work on Crawlfleet; none of them is installed with it."""
