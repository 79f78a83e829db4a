"""Checksums: those that a sender names beside a body, and those of what has come."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.exceptions import InvalidRequestError

# The field's words (RFC 9530, section 5), and how long each digest is. Others say nothing to us.
_ALGORITHMS: Final = {"md5": ("md5", 16), "sha-256": ("sha256", 32), "sha-512": ("sha512", 64)}
# A dictionary of byte sequences (RFC 9651, section 3.2), with nothing else in it.
_MEMBER: Final = r"(?P<name>[a-z*][a-z0-9_.*-]*)=:(?P<value>[A-Za-z0-9+/=]*):"
_MEMBERS: Final = re.compile(_MEMBER)
_NAMELESS: Final = r"[a-z*][a-z0-9_.*-]*+=:[A-Za-z0-9+/=]*+:"
_DICTIONARY: Final = re.compile(rf"{_NAMELESS}(?:[ \t]*+,[ \t]*+{_NAMELESS})*+\Z")


class DigestMismatchError(InvalidRequestError):
    """What has come is not what its sender has sent."""

    code = "digest_mismatch"


@dataclass(frozen=True, slots=True)
class Digest:
    """A checksum that was named: by which header, by which algorithm of hashlib, and what it is."""

    header: str
    algorithm: str
    value: bytes


def parse_digests(headers: Iterable[tuple[str, str | None]]) -> tuple[Digest, ...]:
    """Takes headers by name, None for one that was not sent; gives the checksums that they name and that we know.

    Raises InvalidRequestError for one that cannot be read: whoever sends it wants it looked at.
    """
    return tuple(digest for name, value in headers if value is not None for digest in _parse(name, value.strip()))


def _parse(header: str, value: str) -> Iterator[Digest]:
    if header == "Content-MD5":
        yield Digest(header, "md5", _decode(header, value, 16))
        return
    if not _DICTIONARY.match(value):
        raise InvalidRequestError(f"{header} must be such as sha-256=:<base64>: (RFC 9530).")
    for member in _MEMBERS.finditer(value):
        if known := _ALGORITHMS.get(member["name"]):
            algorithm, length = known
            yield Digest(header, algorithm, _decode(header, member["value"], length))


def _decode(header: str, value: str, length: int) -> bytes:
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) != length:
        raise InvalidRequestError(f"{header} must hold a checksum of {length} bytes in base64.")
    return decoded


def verify(chunks: Iterable[bytes], expected: Sequence[Digest]) -> Iterator[bytes]:
    """Gives the chunks as they come. Raises DigestMismatchError after the last one if a checksum is another."""
    hashes = {digest.algorithm: hashlib.new(digest.algorithm, usedforsecurity=False) for digest in expected}
    for chunk in chunks:
        for known in hashes.values():
            known.update(chunk)
        yield chunk
    for digest in expected:
        if hashes[digest.algorithm].digest() != digest.value:
            raise DigestMismatchError(f"The body is not what {digest.header} says: it was changed on its way.")


def format_repr_digest(sha256: str) -> str:
    """Takes a SHA-256 in hexadecimal digits; gives the value of ``Repr-Digest``."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
