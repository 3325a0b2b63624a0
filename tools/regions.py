"""A page that people write, with a part that is generated: between a line of its own and the next end line."""

from typing import Final

END: Final = "<!-- end of figures -->\n"


def replaced(page: str, begin: str, inside: str) -> str:
    """Return the page with another text in the part that begins with this line. A page without it is a ValueError."""
    before, began, rest = page.partition(begin)
    _, ended, after = rest.partition(END)
    if not (began and ended):
        raise ValueError(f"the page lacks the line {(END if began else begin).strip()!r}")
    return before + begin + inside + END + after
