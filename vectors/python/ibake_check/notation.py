"""The notation of SPEC.md section 1, and a reader for length-checked fields."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


class Rejected(Exception):
    """An input is refused; `error` is its name in SPEC.md 1.2, `what` says which check failed."""

    def __init__(self, error: str, what: str = "") -> None:
        super().__init__(f"{error}: {what}" if what else error)
        self.error = error
        self.what = what


OPAQUE = "opaque"
"""The only error after a private key has been used, SPEC 5.7."""


def u8(value: int) -> bytes:
    """Big-endian, one byte."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Big-endian, two bytes."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Big-endian, four bytes."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Big-endian, eight bytes."""
    return value.to_bytes(8, "big")


def lp(data: bytes) -> bytes:
    """`u32 length || data`."""
    return u32(len(data)) + data


def label(name: str) -> bytes:
    """`"name"` of the formulas: `lp("IBAKE-V01 name")`."""
    return lp(b"IBAKE-V01 " + name.encode("ascii"))


def h(*parts: bytes) -> bytes:
    """`H`: SHA-256 of the concatenation."""
    return hashlib.sha256(b"".join(parts)).digest()


def ext(salt: bytes, ikm: bytes) -> bytes:
    """`Ext`: HKDF-SHA-256 extract (RFC 5869 section 2.2)."""
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def exp(prk: bytes, info: bytes, length: int) -> bytes:
    """`Exp`: HKDF-SHA-256 expand (RFC 5869 section 2.3)."""
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(prk)


def xor(left: bytes, right: bytes) -> bytes:
    """Bytewise exclusive or of two strings of one length."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def require(condition: bool, error: str, what: str = "") -> None:
    """Refuses the input unless `condition` holds."""
    if not condition:
        raise Rejected(error, what)


class Reader:
    """Takes fields off the front of a byte string and refuses short input and leftovers."""

    truncated = "Decode(Truncated)"
    trailing = "Decode(Trailing)"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self._at

    @property
    def left(self) -> int:
        """How many bytes have not."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        require(count <= self.left, self.truncated)
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        """The next `size` bytes as a big-endian integer."""
        return int.from_bytes(self.take(size), "big")

    def field(self, limit: int = 0xFFFF, size: int = 2) -> bytes:
        """A length of `size` bytes, checked against its limit before it is used, and that many bytes."""
        length = self.number(size)
        require(length <= limit, "Decode(TooLong)")
        return self.take(length)

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """Refuses leftovers."""
        require(self.left == 0, self.trailing)
