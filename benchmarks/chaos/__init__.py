"""Does a crawl lose anything when something dies? Seeded faults in real crawls, judged at the site (docs/chaos.md)."""
