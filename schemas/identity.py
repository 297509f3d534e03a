"""Ids of events: UUIDv7 from a producer, UUIDv5 of its cause where an event is derived."""

import hashlib
import os
import time
import uuid

NAMESPACE = uuid.UUID("6f1c6e0a-5d3b-5c1e-9a51-0f6b1f0e7a11").bytes
"""What separates our derived ids from everybody else's."""


def _uuid(random: bytes, version: int) -> bytes:
    out = bytearray(random[:16])
    out[6] = out[6] & 0x0F | version << 4
    out[8] = out[8] & 0x3F | 0x80
    return bytes(out)


def derived_id(cause: bytes) -> bytes:
    """The UUIDv5 (16 bytes) of what brought something about: the same cause gives the same id."""
    return _uuid(hashlib.sha1(NAMESPACE + cause).digest(), 5)  # RFC 9562 asks for SHA-1


def producer_id() -> bytes:
    """A new UUIDv7 (16 bytes): milliseconds of now, then random bits."""
    return _uuid((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10), 7)


def import_id(occurred_at_us: int, cause: bytes) -> bytes:
    """A UUIDv7 (16 bytes) whose random bits are a hash of `cause`: ordered by time, repeatable.

    An import that is run again makes the same ids, so the ledger knows the events again; and ids
    in time order keep look-ups among millions of them cheap.
    """
    milliseconds = occurred_at_us // 1000
    return _uuid(milliseconds.to_bytes(6, "big") + derived_id(cause)[:10], 7)


def uuid_text(value: bytes) -> str:
    """16 bytes as people write a UUID."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
