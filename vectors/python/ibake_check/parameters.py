"""Public parameters, their text form, and stored private keys: SPEC.md 3.4 to 3.9, 4.7."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cache

from py_ecc.optimized_bls12_381.optimized_curve import multiply

from . import der, names
from .calendar import LAST, civil
from .curve import DST_H1, DST_POP, R, decode_g1, decode_g2, enc48, enc96, hash_to_curve, mul_p2, same_pairing
from .identity import ALGORITHM, FAMILY, PKG_URI, Identity, KeyReference, granularity_known
from .notation import Reader, Rejected, h, label, lp, require, u8, u64

IBE_SUITE = 1
_GRANULARITIES = {1: "hour", 2: "day", 3: "week", 4: "month"}
_BEGIN, _END = (f"-----{word} IBAKE PUBLIC PARAMETERS-----" for word in ("BEGIN", "END"))
_LINES = ("District: ", "Serial: ", "Valid: ", "Period: ", "Fingerprint: ")


def master_secret(data: bytes) -> int:
    """SPEC 4.8: 32 big-endian bytes, nonzero, below `r`."""
    value = int.from_bytes(data, "big")
    require(0 < value < R, "Decode(NotCanonical)", "master secret")
    return value


@dataclass(frozen=True)
class Parameters:
    """`IBESysParams`, SPEC 3.7; `others` are entries of other algorithms, with their place among all entries."""

    district: str
    serial: int
    not_before: int
    not_after: int
    p_pub: bytes
    granularity: int
    pop: bytes
    pkg_uri: str | None = None
    others: tuple[tuple[int, bytes, bytes], ...] = ()

    def encode(self) -> bytes:
        """The canonical DER."""
        data = der.tlv(
            der.SEQUENCE,
            der.integer(IBE_SUITE)
            + der.tlv(der.OCTETS, self.p_pub)
            + der.integer(self.granularity)
            + der.tlv(der.OCTETS, self.pop),
        )
        entries = [(ALGORITHM, data)]
        for at, kind, value in self.others:
            entries.insert(at, (kind, value))
        extensions = b""
        if self.pkg_uri is not None:
            extensions = _pairs([(PKG_URI, der.tlv(der.IA5, self.pkg_uri.encode("ascii")))])
        return der.tlv(
            der.SEQUENCE,
            der.integer(2)
            + der.tlv(der.IA5, self.district.encode("ascii"))
            + der.integer(self.serial)
            + der.tlv(der.SEQUENCE, der.time(self.not_before) + der.time(self.not_after))
            + _pairs(entries)
            + der.tlv(der.OID, FAMILY)
            + extensions,
        )

    @classmethod
    def make(cls, s: int, district: str, serial: int, validity: tuple[int, int], granularity: int, uri: str | None) -> Parameters:
        """What a master secret publishes."""
        p_pub = enc96(mul_p2(s))
        bare = cls(district, serial, *validity, p_pub, granularity, b"", uri)
        bare.check_values()
        pop = enc48(multiply(hash_to_curve(bare.fingerprint(), DST_POP), s))
        return cls(district, serial, *validity, p_pub, granularity, pop, uri)

    def check_values(self) -> None:
        """Serial, validity, times, `pkgURI`."""
        names.district(self.district)
        require(0 < self.serial < 1 << 64, "Identity(Serial)")
        require(self.not_before <= self.not_after, "Decode(Inconsistent)", "validity")
        if self.pkg_uri is not None:
            names.district(self.pkg_uri)
        require(self.not_after <= LAST, "Identity(TimeRange)")

    @classmethod
    @cache
    def decode(cls, encoded: bytes) -> Parameters:
        """SPEC 3.7.1, in its order."""
        require(len(encoded) <= 8192, "Decode(TooLong)")
        outer = der.DerReader(encoded)
        body = outer.sub()
        outer.end()
        require(body.integer() == 2, "Decode(Version)")
        district = body.text()
        names.district(district)
        serial = body.integer()
        if serial is None:
            raise Rejected("Identity(Serial)")
        validity = body.sub()
        not_before, not_after = validity.time(), validity.time()
        validity.end()
        entries = _read_pairs(body.sub())
        require(body.element(der.OID) == FAMILY, "Decode(Unknown)", "ibeIdentityType")
        uri = _read_extensions(body.sub()) if body.left else None
        body.end()
        ours = [(at, data) for at, (kind, data) in enumerate(entries) if kind == ALGORITHM]
        require(len(ours) == 1, "Parameters(Algorithm)")
        outer = der.DerReader(ours[0][1])
        data = outer.sub()
        outer.end()
        require(data.integer() == IBE_SUITE, "Parameters(Algorithm)")
        p_pub, granularity, pop = data.element(der.OCTETS), data.integer(), data.element(der.OCTETS)
        data.end()
        granularity_known(granularity or 0)
        decode_g2(p_pub)
        decode_g1(pop)
        others = tuple((at, *entry) for at, entry in enumerate(entries) if at != ours[0][0])
        found = cls(district, serial, not_before, not_after, p_pub, granularity or 0, pop, uri, others)
        found.check_values()
        require(found.possession_holds(), "Parameters(Possession)")
        require(found.encode() == encoded, der.MALFORMED, "not canonical")
        return found

    def fingerprint(self) -> bytes:
        """SPEC 3.4."""
        district = self.district.encode("ascii")
        fixed = lp(ALGORITHM) + self.p_pub + lp(FAMILY)
        return h(label("params"), lp(district) + u64(self.serial) + fixed + u8(self.granularity))

    def possession_holds(self) -> bool:
        """SPEC 3.5: `e(pop, P2) = e(H_pop(fingerprint), P_pub)`."""
        claimed = hash_to_curve(self.fingerprint(), DST_POP)
        return same_pairing(decode_g1(self.pop), mul_p2(1), claimed, decode_g2(self.p_pub))

    def text(self) -> str:
        """SPEC 3.9."""
        moments = ["%04d-%02d-%02dT%02d:%02d:%02dZ" % civil(moment) for moment in (self.not_before, self.not_after)]
        values = (
            self.district,
            str(self.serial),
            " to ".join(moments),
            _GRANULARITIES[self.granularity],
            self.fingerprint().hex(),
        )
        body = base64.b64encode(self.encode()).decode("ascii")
        rows = [body[at : at + 64] for at in range(0, len(body), 64)]
        lines = [name + value for name, value in zip(_LINES, values, strict=True)]
        return "\n".join([_BEGIN, *lines, "", *rows, _END, ""])

    @classmethod
    def from_text(cls, text: str) -> Parameters:
        """SPEC 3.9.1."""
        require(len(text.encode("utf-8")) <= 16_384, "Decode(TooLong)")
        lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        form = len(lines) > 8 and lines[0] == _BEGIN and lines[-1] == _END and lines[6] == ""
        form = form and all(line.startswith(name) for line, name in zip(lines[1:6], _LINES, strict=True))
        require(form, "Decode(Text)")
        try:
            encoded = base64.b64decode("".join(lines[7:-1]), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Rejected("Decode(Text)", "base64") from error
        found = cls.decode(encoded)
        expected = found.text().removesuffix("\n").split("\n")
        require(lines[1:6] == expected[1:6], "Parameters(Armour)")
        require(lines == expected, "Decode(Text)")
        return found

    def check_identity(self, reference: KeyReference) -> None:
        """SPEC 3.7.2: an identity under these parameters."""
        require((reference.district, reference.serial) == (self.district, self.serial), "Parameters(Mismatch)")
        self.check_period(reference)

    def check_period(self, reference: KeyReference) -> None:
        """SPEC 3.7.2: granularity, and inside the validity with every second."""
        period = reference.period
        require(period.granularity == self.granularity, "Identity(OffGrid)")
        require(self.not_before <= period.start and period.end - 1 <= self.not_after, "Parameters(PeriodOutside)")

    def check_time(self, now: int) -> None:
        """SPEC 3.7.2: valid at `now`, without tolerance."""
        require(self.not_before <= now <= self.not_after, "Parameters(NotValidAt)")

    def check_side(self, reference: KeyReference, now: int) -> None:
        """SPEC 5.5 rows 9 and 10."""
        self.check_time(now)
        self.check_period(reference)
        require(reference.period.is_current(now), "Peer(Expired)")


def _pairs(entries: list[tuple[bytes, bytes]]) -> bytes:
    """SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, OCTET STRING }."""
    return der.tlv(
        der.SEQUENCE,
        b"".join(der.tlv(der.SEQUENCE, der.tlv(der.OID, kind) + der.tlv(der.OCTETS, data)) for kind, data in entries),
    )


def _read_pairs(reader: der.DerReader) -> list[tuple[bytes, bytes]]:
    """1 to 8 entries, no OID twice."""
    entries: list[tuple[bytes, bytes]] = []
    while reader.left or not entries:
        require(len(entries) < 8, "Decode(TooLong)", "algorithms")
        entry = reader.sub()
        kind, data = entry.element(der.OID), entry.element(der.OCTETS)
        entry.end()
        require(all(kind != other for other, _ in entries), "Decode(Inconsistent)", "an OID twice")
        entries.append((kind, data))
    return entries


def _read_extensions(reader: der.DerReader) -> str:
    """Exactly one, the `pkgURI` (SPEC 3.6)."""
    entries = _read_pairs(reader)
    require(len(entries) == 1 and entries[0][0] == PKG_URI, "Parameters(Extension)")
    inner = der.DerReader(entries[0][1])
    uri = inner.text()
    inner.end()
    return uri


@dataclass(frozen=True)
class PrivateKey:
    """A stored key, SPEC 4.7; as `load` gives it, it is genuine."""

    fingerprint: bytes
    identity: Identity
    point: bytes

    @classmethod
    def decode(cls, encoded: bytes) -> PrivateKey:
        """The first steps of SPEC 4.7.1: version, suite, granularity, identity, end of input."""
        reader = _StoredReader(encoded)
        require(reader.number(1) == 1, "Decode(Version)")
        require(reader.number(2) == IBE_SUITE, "Decode(Unknown)", "suite")
        granularity = granularity_known(reader.number(1))
        fingerprint = reader.take(32)
        identity = Identity.decode(reader.field(), granularity)
        point = reader.take(48)
        reader.end()
        return cls(fingerprint, identity, point)

    @classmethod
    @cache
    def load(cls, encoded: bytes, parameters: Parameters) -> PrivateKey:
        """SPEC 4.7.1."""
        key = cls.decode(encoded)
        require(key.fingerprint == parameters.fingerprint(), "Key(OtherParameters)")
        parameters.check_identity(key.identity.reference)
        q_id = hash_to_curve(key.identity.encode(), DST_H1)
        genuine = same_pairing(decode_g1(key.point), mul_p2(1), q_id, decode_g2(parameters.p_pub))
        require(genuine, "Key(NotGenuine)")
        return key

    def encode(self) -> bytes:
        """SPEC 4.7."""
        identity = self.identity.encode()
        front = u8(1) + IBE_SUITE.to_bytes(2, "big") + u8(self.identity.reference.period.granularity)
        return front + self.fingerprint + len(identity).to_bytes(2, "big") + identity + self.point


class _StoredReader(Reader):
    """SPEC 1.2: what is cut off or too long here is just `Decode`."""

    truncated = trailing = "Decode"
