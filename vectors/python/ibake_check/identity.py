"""Object identifiers, periods, identities, key references and hints: SPEC.md 3.1, 3.3, 3.10 and 4.5."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from . import der, names
from .calendar import DAY, LAST, civil, first_of
from .notation import Reader, h, label, lp, require, u8, u16, u64

HOUR_ID, DAY_ID, WEEK_ID, MONTH_ID = 1, 2, 3, 4
_WEEK = 7 * DAY
_MONDAY = 4 * DAY
_UUID = uuid.UUID("42be94c7-e87a-4553-b5a0-ce81c3f08b20").int


def _own_oid(last: int) -> bytes:
    """Content octets of `2.25.<UUID>.last`, SPEC 3.10: base-128 digits, the first two arcs as 40 * 2 + 25."""
    digits = [_UUID >> shift & 0x7F for shift in range(126, -1, -7)]
    return bytes([40 * 2 + 25] + [digit | 0x80 for digit in digits[:-1]] + [digits[-1], last])


ALGORITHM, FAMILY = _own_oid(1), _own_oid(5)
_EMAIL = bytes.fromhex("6086480186fd1e02010101")
PKG_URI = bytes.fromhex("6086480186fd1e01030201")
TYPES = {
    ("decryption", False): _own_oid(2),
    ("signing", False): _own_oid(3),
    ("signing", True): _own_oid(4),
    ("decryption", True): _EMAIL,
}
"""Identity types by purpose and whether the name is an NAI."""


def granularity_known(value: int) -> int:
    """SPEC 4.5.1: `Decode(Unknown)`."""
    require(1 <= value <= 4, "Decode(Unknown)", "granularity")
    return value


@dataclass(frozen=True)
class Period:
    """A period of the UTC grid, SPEC 3.3."""

    start: int
    granularity: int

    @classmethod
    def containing(cls, granularity: int, moment: int) -> Period:
        """SPEC 3.3.1."""
        require(moment <= LAST and not (granularity == WEEK_ID and moment < _MONDAY), "Identity(TimeRange)")
        if granularity == HOUR_ID:
            start = moment - moment % 3600
        elif granularity == DAY_ID:
            start = moment - moment % DAY
        elif granularity == WEEK_ID:
            start = moment - (moment - _MONDAY) % _WEEK
        else:
            start = first_of(*civil(moment)[:2])
        return cls(start, granularity)

    @classmethod
    def read(cls, granularity: int, start: int) -> Period:
        """SPEC 3.3.2: a start from outside must be a boundary."""
        require(start <= LAST, "Identity(TimeRange)")
        require(not (granularity == WEEK_ID and start < _MONDAY), "Identity(OffGrid)")
        period = cls.containing(granularity, start)
        require(period.start == start, "Identity(OffGrid)")
        return period

    @property
    def end(self) -> int:
        """The first second after it."""
        if self.granularity == MONTH_ID:
            year, month = civil(self.start)[:2]
            return first_of(year, month + 1)
        return self.start + {HOUR_ID: 3600, DAY_ID: DAY, WEEK_ID: _WEEK}[self.granularity]

    def current(self) -> tuple[int, int]:
        """`start - skew` and `end + skew`, `skew = min(300 s, half the period)`."""
        skew = min(300, (self.end - self.start) // 2)
        return max(0, self.start - skew), self.end + skew

    def is_current(self, now: int) -> bool:
        """`start - skew <= now < end + skew`."""
        begin, end = self.current()
        return begin <= now < end


@dataclass(frozen=True)
class KeyReference:
    """`u16 length || district || u64 serial || u64 start || u8 granularity`, SPEC 4.5."""

    district: str
    serial: int
    period: Period

    def encode(self) -> bytes:
        """The bytes in headers."""
        district = self.district.encode("ascii")
        tail = u64(self.period.start) + u8(self.period.granularity)
        return u16(len(district)) + district + u64(self.serial) + tail

    @classmethod
    def read(cls, reader: Reader) -> KeyReference:
        """SPEC 4.5.1: district of 1 to 255 ASCII bytes, serial not zero, granularity known, start on its grid."""
        district = reader.field(255)
        require(bool(district) and district.isascii(), "Decode(Text)")
        serial = reader.number(8)
        require(serial != 0, "Decode(NotCanonical)", "serial")
        start = reader.number(8)
        return cls(district.decode("ascii"), serial, Period.read(granularity_known(reader.number(1)), start))


@dataclass(frozen=True)
class Identity:
    """`IBEIdentityInfo`, SPEC 3.1."""

    reference: KeyReference
    purpose: str
    name: str

    @property
    def type(self) -> bytes:
        """The content octets of `identityType`."""
        return TYPES[self.purpose, ":" not in self.name]

    def encode(self) -> bytes:
        """The canonical DER, what is hashed to the curve."""
        data = der.tlv(der.SEQUENCE, der.tlv(der.IA5, self.name.encode("ascii")) + der.time(self.reference.period.start))
        return der.tlv(
            der.SEQUENCE,
            der.tlv(der.IA5, self.reference.district.encode("ascii"))
            + der.integer(self.reference.serial)
            + der.tlv(der.OID, self.type)
            + der.tlv(der.OCTETS, data),
        )

    @classmethod
    def make(cls, district: str, serial: int, purpose: str, name: str, granularity: int, moment: int) -> Identity:
        """The identity of a name in the period that contains `moment`."""
        names.district(district)
        names.name(name)
        period = Period.containing(granularity, moment)
        require(1 <= serial < 1 << 64, "Identity(Serial)")
        return cls(KeyReference(district, serial, period), purpose, name)

    @classmethod
    def decode(cls, data: bytes, granularity: int) -> Identity:
        """SPEC 3.1.2: reads the DER of an identity in a district with this granularity; only the canonical form."""
        require(len(data) <= 2048, "Decode(TooLong)")
        outer = der.DerReader(data)
        body = outer.sub()
        outer.end()
        district, serial, kind = body.text(), body.integer(), body.element(der.OID)
        wrapped = body.sub(der.OCTETS)
        body.end()
        inner = wrapped.sub()
        wrapped.end()
        name, start = inner.text(), inner.time()
        inner.end()
        found = [key for key, value in TYPES.items() if value == kind]
        require(bool(found), "Decode(Unknown)", "identityType")
        purpose, is_nai = found[0]
        names.district(district)
        require(serial is not None and serial > 0, "Identity(Serial)")
        assert serial is not None
        require((names.name(name) == "nai") == is_nai, "Decode(Inconsistent)", "identityType and form")
        identity = cls(KeyReference(district, serial, Period.read(granularity, start)), purpose, name)
        require(identity.encode() == data, der.MALFORMED, "not canonical")
        return identity


def hint(salt: bytes, identity: bytes) -> bytes:
    """SPEC 4.5.2: `salt (8) || H("hint" || salt || lp(ID))[0..8]`."""
    assert len(salt) == 8
    return salt + h(label("hint"), salt, lp(identity))[:8]
