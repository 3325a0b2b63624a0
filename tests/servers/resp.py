"""Where does one message of Redis' protocol end? Requests and replies (RESP2 and RESP3) cut out of a byte stream.

splitter = Splitter()
for chunk in chunks:
    for message in splitter.feed(chunk):  # each whole, as it came over the wire
        ...
"""

from typing import Final

_LINES: Final = b"+-:_,#("
_BULKS: Final = b"$!="
_LISTS: Final = {b"*"[0]: 1, b"~"[0]: 1, b">"[0]: 1, b"%"[0]: 2, b"|"[0]: 2}
"""Marker of each nested type, and how many messages follow for one of its count."""

_PUSH: Final = b">"[0]


class Splitter:
    """Collects bytes and gives out whole messages."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add bytes; return the messages that are complete now, in order."""
        self._buffer += chunk
        messages, start = [], 0
        while (end := _end_of_message(self._buffer, start)) is not None:
            messages.append(self._buffer[start:end])
            start = end
        self._buffer = self._buffer[start:]
        return messages


def is_push(message: bytes) -> bool:
    """Whether this message of a server answers no request (RESP3 push)."""
    return message[0] == _PUSH


def _end_of_message(data: bytes, start: int) -> int | None:
    """Return the index behind the message that begins at `start`; None where it is not complete."""
    missing, position = 1, start
    while missing:
        line_end = data.find(b"\r\n", position)
        if line_end < 0:
            return None
        marker, missing = data[position], missing - 1
        count = 0 if marker in _LINES else max(0, int(data[position + 1 : line_end]))
        empty = data[position + 1 : line_end].startswith(b"-")
        position = line_end + 2
        if marker in _BULKS and not empty:
            position += count + 2
        elif marker in _LISTS:
            missing += count * _LISTS[marker]
    return position if position <= len(data) else None
