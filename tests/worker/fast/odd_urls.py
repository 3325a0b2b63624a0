"""URLs, links and hosts by the thousand: mostly plain, with everything that makes one odd mixed in."""

import random

MARKS = "-._~!$&'()*+,;=:@/?#%[]|\\ \t\n\"<>{}^`"
ODD = ("é", "中", "\u00a0", "%20", "%zz", "..", "//", "/./", "/../", ";p=1", "?", "#", ":80", ":443", "@", "\x00")
HOSTS = (
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
PORTS = ("", "", "", ":8080", ":80", ":443", ":080", ":0", ":65535", ":65536", ":99999", ":", ":x")
ALPHABET = "abcXYZ019-._~"


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
    return text[:place] + choice.choice([*ODD, *MARKS]) + text[place:]


def url(choice: random.Random) -> str:
    if choice.random() < 0.5:
        return spoiled(f"https://example.com{path(choice)}", choice)
    return spoiled(choice.choice(SCHEMES) + choice.choice(HOSTS) + choice.choice(PORTS) + path(choice), choice)


def link(choice: random.Random) -> str:
    kinds = (
        path,
        path,
        url,
        words,
        lambda c: words(c) + path(c),
        lambda c: "../" + words(c),
        lambda c: "?a=" + words(c),
    )
    return spoiled(choice.choice(kinds)(choice), choice)
