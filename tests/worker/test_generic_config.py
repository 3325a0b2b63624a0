"""Does the generic spider's configuration say what is wrong with it, key by key?"""

import pytest
from scrapy.http import HtmlResponse

from crawlfleet_worker.generic_config import ConfigError, parse_config

GOOD = """
allowed_hosts: [docs.example, "*.wiki.example"]
follow:
  - {allow: '\\.html$', deny: /genindex, restrict_css: main}
fields:
  title: {css: "h1::text", required: true}
  links: {xpath: "//a/@href", all: true}
item_pages: /library/
"""


def test_a_whole_configuration():
    config = parse_config(GOOD)
    assert config.allows("DOCS.example.")
    assert config.allows("en.wiki.example")
    assert not config.allows("wiki.example")
    assert not config.allows("evil-docs.example")
    assert config.gives_item("https://docs.example/library/os.html")
    assert not config.gives_item("https://docs.example/howto/")
    assert config.fields["links"].all
    assert len(config.follow) == 1


def test_any_host():
    assert parse_config("allowed_hosts: ['*']").allows("anything.example")


PAGE = b"""<main><a href="/a/1.html"></a><a href="/b/1.html"></a></main>
<nav><a href="/a/2.html"></a><a href="/c/1.html"></a></nav><footer><a href="/a/3.html"></a></footer>"""


@pytest.mark.parametrize(
    ("rule", "followed"),
    [
        ("{allow: /a/}", ["/a/1.html", "/a/2.html", "/a/3.html"]),
        ("{allow: [/a/]}", ["/a/1.html", "/a/2.html", "/a/3.html"]),
        ("{allow: [/b/, /c/]}", ["/b/1.html", "/c/1.html"]),
        ("{allow: []}", ["/a/1.html", "/b/1.html", "/a/2.html", "/c/1.html", "/a/3.html"]),
        ("{deny: /a/}", ["/b/1.html", "/c/1.html"]),
        ("{deny: [/a/, /b/]}", ["/c/1.html"]),
        ("{restrict_css: main}", ["/a/1.html", "/b/1.html"]),
        ("{restrict_css: [main, footer]}", ["/a/1.html", "/b/1.html", "/a/3.html"]),
    ],
)
def test_a_text_and_a_list_of_texts_are_read_alike(rule, followed):
    config = parse_config(f"{{allowed_hosts: ['*'], follow: [{rule}]}}")
    page = HtmlResponse("http://docs.example/", body=PAGE)
    found = [link.url for link in config.follow[0].extractor.extract_links(page)]
    assert found == [f"http://docs.example{path}" for path in followed]


@pytest.mark.parametrize(
    ("text", "path", "mend"),
    [
        ("a: [", "the YAML", "cannot be read"),
        ("- a", "the configuration", "expected a mapping with some of allowed_hosts"),
        ("{}", "allowed_hosts", "name the hosts"),
        ("allowed_hosts: docs.example", "allowed_hosts", "expected a list"),
        ("allowed_hosts: ['https://a.example']", "allowed_hosts[0]", "without scheme"),
        ("allowed_hosts: [a.example, 'b.example:80']", "allowed_hosts[1]", "without scheme and port"),
        ("{allowed_hosts: [a], flow: []}", "flow", "known are allowed_hosts, follow"),
        ("{allowed_hosts: [a], follow: [{alow: x}]}", "follow[0].alow", "known are allow, deny"),
        ("{allowed_hosts: [a], follow: [{}, {allow: '('}]}", "follow[1].allow", "no valid regular expression"),
        ("{allowed_hosts: [a], follow: [{allow: [a, '(']}]}", "follow[0].allow[1]", "no valid regular"),
        ("{allowed_hosts: [a], follow: [{deny: 3}]}", "follow[0].deny", "as text"),
        ("{allowed_hosts: [a], follow: [{restrict_css: 'a['}]}", "follow[0].restrict_css", "no valid css"),
        ("{allowed_hosts: [a], fields: [x]}", "fields", "a mapping of names"),
        ("{allowed_hosts: [a], fields: {t: h1}}", "fields.t", "expected a mapping"),
        ("{allowed_hosts: [a], fields: {t: {}}}", "fields.t", "exactly one of css and xpath"),
        ("{allowed_hosts: [a], fields: {t: {css: a, xpath: b}}}", "fields.t", "exactly one"),
        ("{allowed_hosts: [a], fields: {t: {css: 'h1::txt('}}}", "fields.t.css", "no valid css selector"),
        ("{allowed_hosts: [a], fields: {t: {xpath: '//['}}}", "fields.t.xpath", "no valid xpath selector"),
        ("{allowed_hosts: [a], fields: {t: {css: a, all: 'yes'}}}", "fields.t.all", "true or false"),
        ("{allowed_hosts: [a], item_pages: '['}", "item_pages", "no valid regular expression"),
    ],
)
def test_each_mistake_names_its_key_and_the_mend(text, path, mend):
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert str(caught.value).startswith(f"{path}: ")
    assert mend in str(caught.value)
