"""MIKEY messages as far as calls need them: RFC 3830 section 6, RFC 6043 section 6, RFC 6267 section 6, SPEC.md 13.1, 13.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .notation import Reader, label, require, u8, u16, u32, u64

MALFORMED, REFUSED = "Message(Malformed)", "Message(Refused)"
LAST, SIGN, T, ID, V, SP, RAND, IDR, EXTENSION, IBAKE, ESK, SK, ECCPT = 0, 4, 5, 6, 9, 10, 11, 14, 21, 22, 23, 24, 25
_INSIDE = {20, SK, ECCPT}
_OTHERS = {1, 2, 3, 7, 8, 12, 13, 15, 16, 17, 20, 26}
I_MESSAGE_1, R_MESSAGE_1, I_MESSAGE_2, R_MESSAGE_2 = 22, 23, 24, 25
GENERIC_ID, EMPTY = 2, 1
INITIATOR, RESPONDER = 1, 2
NAI, URI = 0, 1
TAGS = {0: 0, 1: 20, 2: 32}
"""Bytes of a tag by MAC algorithm."""
BOUND = (251, b"IBAKE-V01 bound")
POINTS = {8: 65, 11: 97, 14: 133, 240: 32, 241: 65 + 1184, 242: 65 + 1088}
"""Bytes of the uncompressed point by curve number."""


class Wire(Reader):
    """What is cut off or left over is no message."""

    truncated = trailing = MALFORMED


@dataclass(frozen=True)
class Entry:
    """One crypto session of a GENERIC-ID map."""

    cs_id: int
    protocol: int
    started: bool
    policies: tuple[int, ...]
    data: bytes
    spi: bytes

    def encode(self) -> bytes:
        """RFC 6043 section 6.1.1."""
        flags = self.started << 7 | len(self.policies)
        front = u8(self.cs_id) + u8(self.protocol) + u8(flags) + bytes(self.policies)
        return front + u16(len(self.data)) + self.data + u8(len(self.spi)) + self.spi

    @classmethod
    def read(cls, reader: Wire) -> Entry:
        """The inverse of `encode`."""
        cs_id, protocol, flags = reader.number(1), reader.number(1), reader.number(1)
        policies = tuple(reader.take(flags & 0x7F))
        return cls(cs_id, protocol, bool(flags >> 7), policies, reader.field(), reader.field(255, 1))


@dataclass(frozen=True)
class Point:
    """ECCPT, RFC 6267 section 6.1.4."""

    curve: int
    point: bytes
    auth_alg: int
    tgk_len: int
    reserved: int
    spi: bytes | None

    def encode(self) -> bytes:
        """Padding counts from the next payload in front (SPEC 13.2.1)."""
        padding = bytes(-(2 + len(self.point)) % 4)
        kv = b"" if self.spi is None else u8(len(self.spi)) + self.spi
        tail = u8(self.auth_alg) + u16(self.tgk_len) + u8(self.reserved << 4 | (self.spi is not None))
        return u8(self.curve) + self.point + padding + tail + kv


def _key_validity(reader: Wire, kind: int) -> bytes | None:
    require(kind in (0, 1), MALFORMED, "key validity")
    return reader.field(255, 1) if kind == 1 else None


def _read(kind: int, reader: Wire) -> Any:
    """The fields of a payload behind its next payload."""
    if kind == T:
        ts = reader.number(1)
        require(ts in (0, 1, 2, 3), MALFORMED, "TS type")
        return ts, reader.number(8 if ts < 2 else 4)
    if kind == ID:
        return reader.number(1), reader.field()
    if kind == IDR:
        return reader.number(1), reader.number(1), reader.field()
    if kind == V:
        alg = reader.number(1)
        require(alg in TAGS, MALFORMED, "Auth alg")
        return alg, reader.take(TAGS[alg])
    if kind == SP:
        number, protocol, params = reader.number(1), reader.number(1), reader.field()
        inner = Wire(params)
        while inner.left:
            inner.number(1)
            inner.field(255, 1)
        return number, protocol, params
    if kind == RAND:
        return reader.field(255, 1)
    if kind == EXTENSION:
        return reader.number(1), reader.field()
    if kind in (IBAKE, ESK):
        return reader.field()
    if kind == SIGN:
        head = reader.number(2)
        return head >> 12, reader.take(head & 0x0FFF)
    if kind == SK:
        head = reader.number(1)
        key = reader.field()
        return head >> 4, key, _key_validity(reader, head & 15)
    if kind == ECCPT:
        curve = reader.number(1)
        require(curve in POINTS, MALFORMED, "curve")
        start = reader.position
        point = reader.take(POINTS[curve])
        require(curve == 240 or point[0] == 4, MALFORMED, "form of the point")
        require(not any(reader.take(-(2 + reader.position - start) % 4)), MALFORMED, "padding")
        auth_alg, tgk_len, flags = reader.number(1), reader.number(2), reader.number(1)
        return Point(curve, point, auth_alg, tgk_len, flags >> 4, _key_validity(reader, flags & 15))
    if kind in _OTHERS:
        raise ValueError(f"payload {kind} is not one of calls")
    require(False, MALFORMED, "unknown payload")
    raise AssertionError


@dataclass(frozen=True)
class Payload:
    """A payload and where it stands."""

    kind: int
    offset: int
    length: int
    value: Any


def _read_chain(kind: int, reader: Wire, limit: int, allowed: set[int] | None) -> list[Payload]:
    out: list[Payload] = []
    while kind != LAST:
        require(len(out) < limit, MALFORMED, "number of payloads")
        require(kind in allowed if allowed is not None else kind not in _INSIDE, MALFORMED, "misplaced")
        offset = reader.position
        following = LAST if kind == SIGN else reader.number(1)
        value = _read(kind, reader)
        out.append(Payload(kind, offset, reader.position - offset, value))
        kind = following
    reader.end()
    return out


def read_inside(data: bytes, first: int, allowed: set[int]) -> list[Payload]:
    """Payloads inside IBAKE or ESK, SPEC 13.2."""
    return _read_chain(first, Wire(data), 32, allowed)


def chain(payloads: list[tuple[int, bytes]]) -> bytes:
    """Payloads behind one another, each with the type of the next one in front; SIGN has none."""
    kinds = [kind for kind, _ in payloads[1:]] + [LAST]
    return b"".join((b"" if kind == SIGN else u8(after)) + body for (kind, body), after in zip(payloads, kinds))


def name_id(name: str) -> bytes:
    """ID Type, length and data of a name, SPEC 13.8."""
    return u8(URI if ":" in name else NAI) + u16(len(name)) + name.encode("ascii")


def idr(role: int, name: str) -> tuple[int, bytes]:
    """An IDR payload."""
    return IDR, u8(role) + name_id(name)


def timestamp(value: int) -> tuple[int, bytes]:
    """A T payload of type NTP-UTC."""
    return T, u8(0) + u64(value)


def sized(kind: int, data: bytes) -> tuple[int, bytes]:
    """IBAKE or ESK."""
    return kind, u16(len(data)) + data


@dataclass(frozen=True)
class Head:
    """What HDR says besides the first payload."""

    kind: int
    v: bool
    prf: int
    csb_id: int
    count: int
    map_type: int
    entries: bytes

    def message(self, payloads: list[tuple[int, bytes]]) -> bytes:
        """HDR and payloads."""
        front = u8(1) + u8(self.kind) + u8(payloads[0][0]) + u8(self.v << 7 | self.prf) + u32(self.csb_id)
        return front + u8(self.count) + u8(self.map_type) + self.entries + chain(payloads)


@dataclass(frozen=True)
class Message:
    """A message that was read."""

    data: bytes
    head: Head
    sessions: tuple[Entry, ...]
    payloads: tuple[Payload, ...]

    @classmethod
    def read(cls, data: bytes) -> Message:
        """SPEC 13.1."""
        reader = Wire(data)
        require(len(data) <= 65_536, MALFORMED, "too long")
        require(reader.number(1) == 1, MALFORMED, "version")
        kind, first, flags, csb_id = reader.number(1), reader.number(1), reader.number(1), reader.number(4)
        count, map_type = reader.number(1), reader.number(1)
        require(map_type in (EMPTY, GENERIC_ID), MALFORMED, "CS ID map type")
        begin = reader.position
        sessions = tuple(Entry.read(reader) for _ in range(count if map_type == GENERIC_ID else 0))
        head = Head(kind, bool(flags >> 7), flags & 0x7F, csb_id, count, map_type, data[begin : reader.position])
        require(first not in (LAST, SIGN), MALFORMED, "first payload")
        payloads = tuple(_read_chain(first, reader, 64, None))
        require(map_type != EMPTY or all(p.kind != SP for p in payloads), MALFORMED, "SP with the Empty map")
        return cls(data, head, sessions, payloads)

    def all(self, kind: int) -> list[Any]:
        """The payloads of this type."""
        return [p.value for p in self.payloads if p.kind == kind]

    def optional(self, kind: int) -> Any:
        """The one payload of this type, or None."""
        found = self.all(kind)
        require(len(found) < 2, REFUSED, "several")
        return found[0] if found else None

    def single(self, kind: int) -> Any:
        """The one payload of this type."""
        found = self.optional(kind)
        require(found is not None, REFUSED, "missing")
        return found

    def identity(self, role: int) -> tuple[int, bytes]:
        """ID Type and ID Data of a role."""
        found = [(kind, data) for r, kind, data in self.all(IDR) if r == role]
        require(len(found) == 1, REFUSED, "IDR")
        return found[0]

    def _covered(self) -> int:
        last = self.payloads[-1]
        return len(self.data) - (len(last.value[1]) if last.kind == V else 0)

    def _without(self, cuts: list[tuple[int, int]]) -> bytes:
        out, at = b"", 0
        for begin, end in cuts:
            out, at = out + self.data[at:begin], end
        return out + self.data[at : self._covered()]

    def seal_ad(self) -> bytes:
        """`ad` of the box of IBAKE, SPEC 13.9.1."""
        cuts = [(p.offset + 3, p.offset + p.length) for p in self.payloads if p.kind in (IBAKE, ESK)]
        return label("mikey seal") + self._without(cuts)

    def verified(self) -> bytes:
        """What a V covers but for the names, SPEC 13.3.1."""
        return self._without([(p.offset, p.offset + p.length) for p in self.payloads if p.kind == ESK])

    @property
    def bound(self) -> bool:
        """Whether BOUND stands there."""
        found = self.all(EXTENSION).count(BOUND)
        require(found < 2, REFUSED, "several BOUND")
        return found == 1
