"""The DER that identities and parameters need: a strict reader and a writer, for SPEC.md section 3."""

from __future__ import annotations

from datetime import datetime, timezone

from .notation import Reader, Rejected, require

INTEGER, OCTETS, OID, IA5, TIME, SEQUENCE = 0x02, 0x04, 0x06, 0x16, 0x18, 0x30
_TIME_FORM = "%Y%m%d%H%M%SZ"


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


def time(seconds: int) -> bytes:
    """A GeneralizedTime in whole seconds of UTC, from Unix time."""
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime(_TIME_FORM)
    return tlv(TIME, text.encode("ascii"))


class DerReader(Reader):
    """Reads elements of expected tags; whoever uses it encodes again and compares, so lengths need no check here."""

    def element(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag."""
        require(self.number(1) == tag, "DER: tag")
        size = self.number(1)
        if size >= 0x80:
            require(0x81 <= size <= 0x84, "DER: length")
            size = self.number(size & 0x7F)
        return self.take(size)

    def sub(self, tag: int = SEQUENCE) -> DerReader:
        """A reader over the content of the next element."""
        return DerReader(self.element(tag))

    def integer(self) -> int:
        """A non-negative INTEGER."""
        content = self.element(INTEGER)
        require(0 < len(content) <= 9 and content[0] < 0x80, "DER: integer")
        return int.from_bytes(content, "big")

    def time(self) -> int:
        """A GeneralizedTime, as Unix time."""
        try:
            moment = datetime.strptime(self.element(TIME).decode("ascii"), _TIME_FORM)
        except ValueError as error:
            raise Rejected("DER: time") from error
        return int(moment.replace(tzinfo=timezone.utc).timestamp())
