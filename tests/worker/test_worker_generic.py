"""Does a crawl without code fetch what the rules follow, and make the items that the fields describe?"""

from tests.servers.site import nginx_site

PAGES = {
    "/index.html": b'<h1> Start </h1><main><a href="lib/a.html">a</a><a href="/old/x.html">x</a></main>'
    b'<a href="/aside.html">aside</a><a href="http://other.invalid/lib/z.html">z</a>',
    "/lib/a.html": b"<h1>A</h1><h2>one</h2><h2>two</h2><main><a href='b.html'>b</a></main>",
    "/lib/b.html": b"<h2>no title here</h2>",
    "/old/x.html": b"<h1>Old</h1>",
    "/aside.html": b"<h1>Aside</h1>",
}
CONFIG = """
allowed_hosts: [127.0.0.1]
follow: [{restrict_css: main, deny: /old/}]
fields:
  title: {css: "h1::text", required: true}
  parts: {xpath: "//h2/text()", all: true}
item_pages: /lib/
"""


def test_a_crawl_by_rules(new_job, tmp_path):
    with nginx_site(PAGES) as site:
        job = new_job(spider="generic", seeds={"type": "Inline"}, project=tmp_path)
        job.prepare([f"{site.url}/index.html", "http://elsewhere.invalid/"])
        worker = job.start(CRAWLFLEET_GENERIC_SPIDER=CONFIG)
        job.wait_until_idle()
        assert [hit.path for hit in site.log()] == ["/index.html", "/lib/a.html", "/lib/b.html"]
        assert job.items() == [{"url": f"{site.url}/lib/a.html", "title": "A", "parts": ["one", "two"]}]
        assert worker.drain() == 0


def test_a_wrong_key_ends_with_67_and_its_name(new_job, tmp_path):
    job = new_job(spider="generic", project=tmp_path).prepare()
    worker = job.start(CRAWLFLEET_GENERIC_SPIDER="{allowed_hosts: [a], folow: []}")
    assert worker.wait() == 67
    assert worker.message.startswith("CRAWLFLEET_GENERIC_SPIDER: folow: there is no such key")


def test_no_configuration_ends_with_67_and_the_mend(new_job, tmp_path):
    worker = new_job(spider="generic", project=tmp_path).prepare().start()
    assert worker.wait() == 67
    assert "configMapKeyRef" in worker.message
