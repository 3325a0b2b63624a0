"""The demo: a cluster, the chart, a site of real pages, a CrawlJob over it, and an independent judge."""
