"""How do values travel between Python and Lua: one MessagePack value each way.

The old raw form throughout: `cmsgpack` in Redis knows one kind of string, bytes. So text goes out as UTF-8 and every
string comes back as bytes; who knows that it is text decodes it.
"""

from typing import Any

import msgpack


def pack(value: object) -> bytes:
    """Return the value (None, bool, int, float, str, bytes, lists and tuples of these) as MessagePack."""
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def unpack(data: bytes) -> Any:  # noqa: ANN401 - whatever was packed
    """Return the value that MessagePack bytes hold: arrays as lists, strings as bytes; ValueError where it is none."""
    return msgpack.unpackb(data, raw=True)
