"""An HTTP/1.1 download handler of our own, on asyncio and httptools: fewer steps a page than Scrapy's, the same result.

As a request goes through: outgoing (what is written, and what is left to Scrapy's handler) → pool (a kept connection)
or connecting (names, tls) → connection → exchange (what comes back) → handler (Scrapy's side).

It knows nothing of the frontier. Who has to know when a request reaches the wire is a `wire.Wire`.
"""
