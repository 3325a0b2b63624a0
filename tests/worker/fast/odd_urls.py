"""URLs, links and hosts by the thousand: mostly plain, with everything that makes one odd mixed in."""

import random
from collections.abc import Callable

MARKS = "-._~!$&'()*+,;=:@/?#%[]|\\ \t\n\"<>{}^`"
ODD = ("é", "中", "\u00a0", "%20", "%zz", "..", "//", "/./", "/../", ";p=1", "?", "#", ":80", ":443", "@", "\x00")
HOSTS: tuple[str, ...] = (
    "example.com",
    "a.b-c.example",
    "127.0.0.1",
    "EXAMPLE.com",
    "exa_mple.com",
    "bücher.example",
    "a..b",
    "-a.b",
    "",
)
HOSTS += ("[::1]", "example.com.", "xn--bcher-kva.example", "1.2", "0x7f.1", "user@example.com", "u:p@example.com")
SCHEMES = ("http://", "https://", "http://", "https://", "HTTP://", "http:/", "ftp://", "//", "")
WHOLE = (
    "",
    "data:text/plain;base64,QUJD",
    "javascript:void(0)",
    "mailto:a@b.example?subject=%C3%a9",
    "tel:+49 30",
    "http://[2001:db8::1]:8080/%7e?q=[1]",
    "http://[::ffff:127.0.0.1%25eth0]/",
    "http://[::1/a",
    "http://\u4f8b\u3048.example/\u30c6?\u30b9=\u30c8#\u7247",
    "http://stra\u00dfe.example./%41%c3%A9/%2F%2f%",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://example.com/" + "long/" * 2_000 + "?q=" + "v" * 9_000,
    "https://example.com?a",
    "https://example.com/?",
    "https://example.com/#",
    "https://example.com/?#",
    "https://example.com/?b=2&a=1&a=&=&b",
    "https://u%20s:p%3Aw@example.com:443/%e4?x=%E4+ #!\u00e9",
    "http:\\\\example.com\\a\\b",
    "\ufeffhttps://example.com/",
    "  https://example.com/a b\t\r\n",
    "https:///three",
    "https:example.com",
)
"""Odd as a whole."""

WILD = ["%c3%A9", "%C3%a9", "%", "%2", "%u00e9", "%2B", "+", "??", "&&", "#\u00e9", "[", "]", "::", "@@", "\\", "/."]
WILD += ["/..", "/./..//", "\u202e", "\u3002", "\uff0e", "\u0130", "\u017f", "\ud800", "\udfff", "\U0001f600"]
WILD += ["\x7f", "\x1f", "\x0b", "\r\n"]
PORTS = ("", "", "", ":8080", ":80", ":443", ":080", ":0", ":65535", ":65536", ":99999", ":", ":x")
ALPHABET = "abcXYZ019-._~"

Kind = Callable[[random.Random], str]


def words(choice: random.Random, most: int = 8) -> str:
    return "".join(choice.choices(ALPHABET, k=choice.randint(0, most)))


def path(choice: random.Random) -> str:
    parts = [words(choice) for _ in range(choice.randint(0, 4))]
    query = "?" + "&".join(f"{words(choice, 3)}={words(choice, 3)}" for _ in range(choice.randint(1, 3)))
    return "/" + "/".join(parts) + (query if choice.random() < 0.3 else "")


def spoiled(text: str, choice: random.Random) -> str:
    """Put something odd somewhere into a third of the texts."""
    if choice.random() < 0.66:
        return text
    place = choice.randint(0, len(text))
    mark: str = choice.choice([*ODD, *MARKS])
    return text[:place] + mark + text[place:]


def url(choice: random.Random) -> str:
    if choice.random() < 0.5:
        return spoiled(f"https://example.com{path(choice)}{'#top' if choice.random() < 0.1 else ''}", choice)
    return spoiled(choice.choice(SCHEMES) + choice.choice(HOSTS) + choice.choice(PORTS) + path(choice), choice)


def wild(choice: random.Random) -> str:
    """Return an odd one, or any other, changed in up to four places: put in, taken out, twice, turned round."""
    text = choice.choice(WHOLE) if choice.random() < 0.5 else link(choice)
    for _ in range(choice.randint(0, 4)):
        begin, end = sorted(choice.randint(0, len(text)) for _ in range(2))
        end = min(end, begin + 8)
        part = text[begin:end]
        changed = choice.choice((choice.choice(WILD), "", part * 2, part.swapcase(), part[::-1]))
        text = text[:begin] + changed + text[end:]
    return text


def any_url(choice: random.Random) -> str:
    """Return a URL: wild, kind, or as it comes."""
    kinds: tuple[Kind, ...] = (wild, url, lambda c: "http://a.example:8080" + path(c))
    return choice.choice(kinds)(choice)


def any_link(choice: random.Random) -> str:
    """Return what a page may link to: wild, kind, or as it comes."""
    kinds: tuple[Kind, ...] = (wild, link, path)
    return choice.choice(kinds)(choice)


def link(choice: random.Random) -> str:
    kinds: tuple[Kind, ...] = (
        path,
        path,
        url,
        words,
        lambda c: words(c) + path(c),
        lambda c: "../" + words(c),
        lambda c: "../" * c.randint(1, 4) + words(c) + path(c),
        lambda c: "#" + words(c),
        lambda c: c.choice((path, words))(c) + "#" + words(c),
        lambda c: "?a=" + words(c),
        lambda c: "",
        lambda c: (
            c.choice(("mailto:", "tel:", "javascript:", "MAILTO:", "data:", "about:", "ftp:")) + words(c) + "@a.b"
        ),
        lambda c: c.choice(SCHEMES) + c.choice(HOSTS) + c.choice(PORTS),
    )
    return spoiled(choice.choice(kinds)(choice), choice)
