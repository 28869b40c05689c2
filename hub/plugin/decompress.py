"""Reading a response body of limited size, also when it is compressed to hide how large it is."""

import zlib
from collections.abc import Iterable

ACCEPTED = "gzip"
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class TooLong(Exception):
    """The body, as sent or unpacked, is over the limit."""


class NotUnpackable(Exception):
    """The body is in an encoding that was not asked for, or is broken."""


def read_body(chunks: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """The whole body, unpacked. Never holds more than `limit` bytes and one chunk; raises TooLong beyond
    that."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return _joined(chunks, limit)
    if encoding != ACCEPTED:
        raise NotUnpackable(f"encoding {encoding[:40]!r} was not asked for")
    return _unpacked(chunks, limit)


def _joined(chunks: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise TooLong
    return bytes(body)


def _unpacked(chunks: Iterable[bytes], limit: int) -> bytes:
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    body = bytearray()
    received = 0
    try:
        for chunk in chunks:
            received += len(chunk)
            if not inflate.eof:
                body += inflate.decompress(chunk, limit + 1 - len(body))
            if len(body) > limit or received > limit:
                raise TooLong
    except zlib.error:
        raise NotUnpackable("the compressed body is broken") from None
    if received and not inflate.eof:
        raise NotUnpackable("the compressed body is cut off")
    return bytes(body)
