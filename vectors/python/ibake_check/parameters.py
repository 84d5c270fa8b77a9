"""Public parameters and stored private keys: SPEC.md 3.4 to 3.6 and section 4."""

from __future__ import annotations

from dataclasses import dataclass

from . import der
from .curve import DST_H1, DST_POP, decode_g1, decode_g2, hash_to_curve, mul_p2, same_pairing
from .identity import ALGORITHM, FAMILY, Identity, KeyReference
from .notation import Reader, h, label, lp, require, u8, u64

IBE_SUITE = 1


@dataclass(frozen=True)
class Parameters:
    """`IBESysParams` (module `ibe::params`), with our algorithm as the only one and no extensions."""

    district: bytes
    serial: int
    not_before: int
    not_after: int
    p_pub: bytes
    granularity: int
    pop: bytes

    def encode(self) -> bytes:
        """The canonical DER."""
        data = der.tlv(
            der.SEQUENCE,
            der.integer(IBE_SUITE)
            + der.tlv(der.OCTETS, self.p_pub)
            + der.integer(self.granularity)
            + der.tlv(der.OCTETS, self.pop),
        )
        entry = der.tlv(der.SEQUENCE, der.tlv(der.OID, ALGORITHM) + der.tlv(der.OCTETS, data))
        return der.tlv(
            der.SEQUENCE,
            der.integer(2)
            + der.tlv(der.IA5, self.district)
            + der.integer(self.serial)
            + der.tlv(der.SEQUENCE, der.time(self.not_before) + der.time(self.not_after))
            + der.tlv(der.SEQUENCE, entry)
            + der.tlv(der.OID, FAMILY),
        )

    @classmethod
    def decode(cls, encoded: bytes) -> Parameters:
        """Reads the DER; only the canonical form is accepted. The proof of possession is not checked here."""
        outer = der.DerReader(encoded)
        body = outer.sub()
        outer.end()
        require(body.integer() == 2, "parameters: version")
        district, serial = body.element(der.IA5), body.integer()
        validity = body.sub()
        not_before, not_after = validity.time(), validity.time()
        validity.end()
        algorithms = body.sub()
        entry = algorithms.sub()
        algorithms.end()
        require(entry.element(der.OID) == ALGORITHM, "parameters: algorithm")
        wrapped = entry.sub(der.OCTETS)
        entry.end()
        data = wrapped.sub()
        wrapped.end()
        require(data.integer() == IBE_SUITE, "parameters: suite")
        p_pub, granularity, pop = data.element(der.OCTETS), data.integer(), data.element(der.OCTETS)
        data.end()
        require(body.element(der.OID) == FAMILY, "parameters: identity type")
        body.end()
        found = cls(district, serial, not_before, not_after, p_pub, granularity, pop)
        require(found.encode() == encoded, "parameters: not canonical")
        return found

    def fingerprint(self) -> bytes:
        """SPEC 3.4."""
        return h(
            label("params"),
            lp(self.district) + u64(self.serial) + lp(ALGORITHM) + self.p_pub + lp(FAMILY) + u8(self.granularity),
        )

    def possession_holds(self) -> bool:
        """SPEC 3.5: `e(pop, P2) = e(H_pop(fingerprint), P_pub)`."""
        claimed = hash_to_curve(self.fingerprint(), DST_POP)
        return same_pairing(decode_g1(self.pop), mul_p2(1), claimed, decode_g2(self.p_pub))

    def check_usable(self, reference: KeyReference, now: int) -> None:
        """SPEC 5.5: parameters valid now; the period of a key on the grid, inside the validity, current."""
        require((reference.district, reference.serial) == (self.district, self.serial), "parameters: other district")
        require(self.not_before <= now <= self.not_after, "parameters: not valid now")
        period = reference.period
        require(period.granularity == self.granularity, "period: granularity")
        require(self.not_before <= period.start, "period: before the validity")
        require(period.end() - 1 <= self.not_after, "period: after the validity")
        require(period.is_current(now), "period: not current")


@dataclass(frozen=True)
class PrivateKey:
    """A stored key: version, IBE suite, granularity, fingerprint, identity, point (module `ibe::extract`)."""

    fingerprint: bytes
    identity: Identity
    point: bytes

    @classmethod
    def decode(cls, encoded: bytes) -> PrivateKey:
        """Reads the stored form; the point is checked by `is_genuine`."""
        reader = Reader(encoded)
        require(reader.number(1) == 1 and reader.number(2) == IBE_SUITE, "private key: version or suite")
        granularity = reader.number(1)
        fingerprint = reader.take(32)
        identity = Identity.decode(reader.field(), granularity)
        point = reader.take(48)
        reader.end()
        return cls(fingerprint, identity, point)

    def is_genuine(self, parameters: Parameters) -> bool:
        """Section 4: `e(d_ID, P2) = e(Q_ID, P_pub)`."""
        q_id = hash_to_curve(self.identity.encode(), DST_H1)
        return same_pairing(decode_g1(self.point), mul_p2(1), q_id, decode_g2(parameters.p_pub))
