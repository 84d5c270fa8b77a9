"""Object identifiers, periods, identities and key references: SPEC.md 3.1, 3.3 and 4.5."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from . import der
from .notation import Reader, require, u8, u16, u64

HOUR, DAY, WEEK, MONTH = 1, 2, 3, 4
_UUID = uuid.UUID("42be94c7-e87a-4553-b5a0-ce81c3f08b20").int


def _own_oid(last: int) -> bytes:
    """Content octets of `2.25.<UUID>.last` (module `ibe::oid`): base-128 digits, the first two arcs as 40 * 2 + 25."""
    digits = [_UUID >> shift & 0x7F for shift in range(126, -1, -7)]
    return bytes([40 * 2 + 25] + [digit | 0x80 for digit in digits[:-1]] + [digits[-1], last])


ALGORITHM = _own_oid(1)
DECRYPT_URI = _own_oid(2)
FAMILY = _own_oid(5)


@dataclass(frozen=True)
class Period:
    """A period of the UTC grid, SPEC 3.3."""

    start: int
    granularity: int

    def end(self) -> int:
        """The first second after it; refuses a start that is not on the grid."""
        require(0 <= self.start <= 253_402_300_799, "period: range")
        begin = datetime.fromtimestamp(self.start, timezone.utc)
        on_grid = begin.minute == begin.second == 0
        if self.granularity != HOUR:
            on_grid = on_grid and begin.hour == 0
        match self.granularity:
            case 1:
                after = begin + timedelta(hours=1)
            case 2:
                after = begin + timedelta(days=1)
            case 3:
                on_grid = on_grid and begin.isoweekday() == 1
                after = begin + timedelta(weeks=1)
            case 4:
                on_grid = on_grid and begin.day == 1
                after = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
            case _:
                on_grid = False
        require(on_grid, "period: off the grid")
        return int(after.timestamp())

    def is_current(self, now: int) -> bool:
        """`start - skew <= now < end + skew`, `skew = min(300 s, half the period)`."""
        end = self.end()
        skew = min(300, (end - self.start) // 2)
        return self.start - skew <= now < end + skew


@dataclass(frozen=True)
class KeyReference:
    """`u16 length || district || u64 serial || u64 start || u8 granularity` (module `ibe::keyref`)."""

    district: bytes
    serial: int
    period: Period

    def encode(self) -> bytes:
        """The bytes in headers."""
        tail = u64(self.period.start) + u8(self.period.granularity)
        return u16(len(self.district)) + self.district + u64(self.serial) + tail

    @classmethod
    def read(cls, reader: Reader) -> KeyReference:
        """Takes one off a header: district of 1 to 255 ASCII bytes, serial not zero, period on its grid."""
        district = reader.field(255)
        require(bool(district) and district.isascii(), "key reference: district")
        serial = reader.number(8)
        require(serial != 0, "key reference: serial")
        period = Period(reader.number(8), reader.number(1))
        period.end()
        return cls(district, serial, period)


@dataclass(frozen=True)
class Identity:
    """`IBEIdentityInfo` with a URI, for decryption (module `ibe::identity`)."""

    reference: KeyReference
    name: bytes

    def encode(self) -> bytes:
        """The canonical DER, what is hashed to the curve."""
        data = der.tlv(der.SEQUENCE, der.tlv(der.IA5, self.name) + der.time(self.reference.period.start))
        return der.tlv(
            der.SEQUENCE,
            der.tlv(der.IA5, self.reference.district)
            + der.integer(self.reference.serial)
            + der.tlv(der.OID, DECRYPT_URI)
            + der.tlv(der.OCTETS, data),
        )

    @classmethod
    def decode(cls, data: bytes, granularity: int) -> Identity:
        """Reads the DER of an identity in a district with this granularity; only the canonical form is accepted."""
        outer = der.DerReader(data)
        body = outer.sub()
        outer.end()
        district, serial = body.element(der.IA5), body.integer()
        require(body.element(der.OID) == DECRYPT_URI, "identity: type")
        wrapped = body.sub(der.OCTETS)
        body.end()
        inner = wrapped.sub()
        wrapped.end()
        name, start = inner.element(der.IA5), inner.time()
        inner.end()
        require(name.isascii() and name.startswith((b"sip:", b"sips:", b"tel:")), "identity: name")
        require(1 <= serial < 1 << 64 and 0 < len(district) <= 255, "identity: district or serial")
        identity = cls(KeyReference(district, serial, Period(start, granularity)), name)
        identity.reference.period.end()
        require(identity.encode() == data, "identity: not canonical")
        return identity
