"""The one file in a request to `add`, piece by piece: HTTP framing, then multipart/form-data (RFC 7578)."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

from dapp.store.errors import TooLarge

_PIECE_BYTES = 65_536
_FRAMING_BYTES = 65_536  # for part headers, boundaries, and fields around the file
_LINE_BYTES = 1_024  # of a chunk's size line
_PART_HEADER_BYTES = 8_192
_BOUNDARY_CHARACTERS = 70  # RFC 2046


class InvalidBody(Exception):
    """A request body that breaks off or is not what its headers say."""


def body_pieces(stream: BufferedIOBase, headers: Message, max_file_bytes: int) -> Iterator[bytes]:
    """The body's bytes, whether sent with a length or in chunks.

    Raises TooLarge past max_file_bytes and the framing around a file, InvalidBody when it breaks off.
    """
    limit_bytes = max_file_bytes + _FRAMING_BYTES
    received = 0
    for piece in _chunks(stream) if "Transfer-Encoding" in headers else _measured(stream, headers):
        received += len(piece)
        if received > limit_bytes:
            raise TooLarge(
                f"The file has more than the {max_file_bytes:,} bytes allowed.",
                limit_bytes=max_file_bytes,
                size_bytes=None,
            )
        yield piece


def only_file(pieces: Iterator[bytes], headers: Message) -> Iterator[bytes]:
    """The content of the single part of a multipart/form-data body.

    Raises InvalidBody for any other type, a missing end, or a second part.
    """
    boundary = headers.get_param("boundary")
    if headers.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise InvalidBody("the body is not multipart/form-data")
    if not 0 < len(boundary) <= _BOUNDARY_CHARACTERS or not boundary.isascii():
        raise InvalidBody("the boundary is malformed")
    delimiter = b"\r\n--" + boundary.encode("ascii")
    buffer = b"\r\n"  # the first boundary stands at the start of a line
    while b"\r\n\r\n" not in buffer and len(buffer) <= _PART_HEADER_BYTES:
        buffer += _next(pieces)
    head, _, buffer = buffer.partition(b"\r\n\r\n")
    if len(head) > _PART_HEADER_BYTES:
        raise InvalidBody("the part's headers are too long")
    if not head.startswith(delimiter):
        raise InvalidBody("the body does not start with its boundary")
    while delimiter not in buffer:
        keep = len(delimiter) - 1
        yield buffer[:-keep]
        buffer = buffer[-keep:] + _next(pieces)
    content, _, rest = buffer.partition(delimiter)
    yield content
    while len(rest) < 2:
        rest += _next(pieces)
    if not rest.startswith(b"--"):
        raise InvalidBody("one file a request")
    for _ in pieces:  # the file counts once the whole request is in
        pass


def _next(pieces: Iterator[bytes]) -> bytes:
    try:
        return next(pieces)
    except StopIteration:
        raise InvalidBody("the body ends before its last boundary") from None


def _measured(stream: BufferedIOBase, headers: Message) -> Iterator[bytes]:
    length = headers.get("Content-Length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise InvalidBody("Content-Length is not a number")
    left = int(length)
    while left:
        piece = _read(stream, min(left, _PIECE_BYTES))
        left -= len(piece)
        yield piece


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while left := _chunk_size(stream):
        while left:
            piece = _read(stream, min(left, _PIECE_BYTES))
            left -= len(piece)
            yield piece
        _end_of_line(stream)
    _end_of_line(stream)  # no trailers


def _chunk_size(stream: BufferedIOBase) -> int:
    line = _line(stream).partition(b";")[0].strip()
    try:
        size = int(line, 16) if line.isalnum() else -1
    except ValueError:
        size = -1
    if not 0 <= size < 1 << 63:
        raise InvalidBody("a chunk's size is malformed")
    return size


def _end_of_line(stream: BufferedIOBase) -> None:
    if _line(stream) != b"\r\n":
        raise InvalidBody("a chunk does not end where it said")


def _line(stream: BufferedIOBase) -> bytes:
    try:
        line = stream.readline(_LINE_BYTES)
    except OSError as error:
        raise InvalidBody("the body broke off") from error
    if not line.endswith(b"\n"):
        raise InvalidBody("the body broke off")
    return line


def _read(stream: BufferedIOBase, size: int) -> bytes:
    try:
        piece = stream.read(size)
    except OSError as error:
        raise InvalidBody("the body broke off") from error
    if not piece:
        raise InvalidBody("the body broke off")
    return piece
