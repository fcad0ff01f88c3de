"""Messages between the service and its workers: a head and some parts. Nothing is pickled.

A frame is its length (8 bytes, without these), the number of parts, the length of each (4 bytes each, network
order), and the parts; the first part is JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

LENGTH = struct.Struct("!Q")
"""Stands before each frame."""

_COUNT = struct.Struct("!I")


class Frame(NamedTuple):
    """A message.

    Attributes:
        head: anything that JSON can say.
        parts: bytes that are passed on as they are.
    """

    head: Any
    parts: Sequence[bytes]


def pack(frame: Frame) -> bytes:
    """A frame as bytes, its length first."""
    parts = (json.dumps(frame.head).encode(), *frame.parts)
    sizes = struct.pack(f"!{len(parts)}I", *map(len, parts))
    body = b"".join((_COUNT.pack(len(parts)), sizes, *parts))
    return LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> Frame:
    """A frame out of the bytes behind its length."""
    (count,) = _COUNT.unpack_from(body)
    start = _COUNT.size * (count + 1)
    parts = []
    for size in struct.unpack_from(f"!{count}I", body, _COUNT.size):
        parts.append(body[start : start + size])
        start += size
    return Frame(json.loads(parts[0]), parts[1:])
