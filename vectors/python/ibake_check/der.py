"""The DER that identities and parameters need: a strict reader and a writer, for SPEC.md section 3."""

from __future__ import annotations

from .calendar import civil, seconds
from .notation import Reader, Rejected, require

INTEGER, OCTETS, OID, IA5, TIME, SEQUENCE = 0x02, 0x04, 0x06, 0x16, 0x18, 0x30
MALFORMED = "Decode"
"""SPEC 1.2: what is no DER of the structure."""


def tlv(tag: int, content: bytes) -> bytes:
    """One element, with the shortest length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def time(moment: int) -> bytes:
    """A GeneralizedTime in whole seconds of UTC, from Unix time."""
    return tlv(TIME, ("%04d%02d%02d%02d%02d%02dZ" % civil(moment)).encode("ascii"))


class DerReader(Reader):
    """Reads elements of expected tags; whoever uses it encodes again and compares, so lengths need no check here."""

    truncated = trailing = MALFORMED

    def element(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        require(self.number(1) == tag, MALFORMED, "tag")
        size = self.number(1)
        if size >= 0x80:
            require(0x81 <= size <= 0x84, MALFORMED, "length")
            size = self.number(size & 0x7F)
        return self.take(size)

    def sub(self, tag: int = SEQUENCE) -> DerReader:
        """A reader over the content of the next element."""
        return DerReader(self.element(tag))

    def integer(self) -> int | None:
        """An INTEGER; None if it is negative or has more than 64 bits."""
        content = self.element(INTEGER)
        value = int.from_bytes(content, "big", signed=True)
        minimal = len(content) == 1 or (len(content) > 1 and not -128 <= int.from_bytes(content[:2], "big", signed=True) < 128)
        require(minimal, MALFORMED, "integer")
        return value if 0 <= value < 1 << 64 else None

    def text(self) -> str:
        """An IA5String."""
        content = self.element(IA5)
        require(content.isascii(), MALFORMED, "IA5String")
        return content.decode("ascii")

    def time(self) -> int:
        """A GeneralizedTime, as Unix time."""
        content = self.element(TIME)
        if len(content) != 15 or content[14:] != b"Z" or not content[:14].isdigit():
            raise Rejected(MALFORMED, "time")
        parts = [int(content[:4])] + [int(content[at : at + 2]) for at in range(4, 14, 2)]
        moment = seconds(*parts)
        if moment is None:
            raise Rejected(MALFORMED, "time")
        return moment
