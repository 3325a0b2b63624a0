"""The Crawlfleet operator: CrawlJobs in, Redis and worker Deployments out.

One direction: event → `work_queue` → `observe` → `planning` → `execute`. Decisions are pure (`planning`, `policies`,
`scaling`, `diagnose`, `children`); I/O lives in `kube` and `redis_gateway`, behind the protocols of `ports`.
"""

__version__ = "0.1.0"
