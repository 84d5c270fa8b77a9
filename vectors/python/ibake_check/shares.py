"""Diffie-Hellman shares and ML-KEM-768: SPEC.md 5.4.1 and the hybrid suite of 5.1."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS  # type: ignore[import-untyped]
from kyber_py.ml_kem.ml_kem import ML_KEM  # type: ignore[import-untyped]

from .notation import OPAQUE, Rejected, require


class Group(Protocol):
    """A Diffie-Hellman group as the suites use it."""

    def secret(self, drawn: bytes) -> bytes:
        """The secret at rest, from 96 bytes, SPEC 5.4.1."""

    def share(self, secret: bytes) -> bytes:
        """The public share of a secret at rest."""

    def check_secret(self, secret: bytes) -> None:
        """Refuses what is no secret at rest, SPEC 5.11.1."""

    def check(self, share: bytes) -> None:
        """Refuses a malformed share, SPEC 5.4.2, with a typed error."""

    def shared(self, secret: bytes, peer: bytes) -> bytes:
        """`dh`: the x-coordinate of the shared point, or the u-coordinate."""

    def x(self, share: bytes) -> bytes:
        """The x-coordinate of a share, by which reflection is found."""


_PRIMES = {
    "secp256r1": 2**256 - 2**224 + 2**192 + 2**96 - 1,
    "secp384r1": 2**384 - 2**128 - 2**96 + 2**32 - 1,
    "secp521r1": 2**521 - 1,
}


def _exact(data: bytes, size: int) -> None:
    require(len(data) >= size, "Decode(Truncated)")
    require(len(data) == size, "Decode(Trailing)")


class NistCurve:
    """P-256, P-384 or P-521: SEC1 uncompressed points; `OS2IP(96 bytes) mod n`, and 1 if that is 0."""

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._size = (curve.key_size + 7) // 8

    def secret(self, drawn: bytes) -> bytes:
        """See `Group`."""
        assert len(drawn) == 96
        return (int.from_bytes(drawn, "big") % self._curve.group_order or 1).to_bytes(self._size, "big")

    def check_secret(self, secret: bytes) -> None:
        """See `Group`."""
        _exact(secret, self._size)
        require(0 < int.from_bytes(secret, "big") < self._curve.group_order, "Decode(NotCanonical)", "secret")

    def _key(self, secret: bytes) -> ec.EllipticCurvePrivateKey:
        self.check_secret(secret)
        return ec.derive_private_key(int.from_bytes(secret, "big"), self._curve)

    def share(self, secret: bytes) -> bytes:
        """See `Group`."""
        return self._key(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def _public(self, share: bytes) -> ec.EllipticCurvePublicKey:
        require(share != bytes(1), "Decode(Infinity)")
        require(share[:1] in (b"", b"\4"), "Decode(NotCanonical)", "form")
        _exact(share, 1 + 2 * self._size)
        x, y = (int.from_bytes(part, "big") for part in (share[1 : 1 + self._size], share[1 + self._size :]))
        prime = _PRIMES[self._curve.name]
        require(x < prime and y < prime, "Decode(NotCanonical)", "coordinate not below the prime")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(self._curve, share)
        except ValueError as error:
            raise Rejected("Decode(NotOnCurve)") from error

    def check(self, share: bytes) -> None:
        """See `Group`."""
        self._public(share)

    def shared(self, secret: bytes, peer: bytes) -> bytes:
        """See `Group`."""
        return self._key(secret).exchange(ec.ECDH(), self._public(peer))

    def x(self, share: bytes) -> bytes:
        """See `Group`."""
        return share[1 : 1 + self._size]


class X25519:
    """32-byte u-coordinates, canonical, of no small order; the secret is the first 32 of the 96 bytes."""

    _PRIME = 2**255 - 19

    def secret(self, drawn: bytes) -> bytes:
        """See `Group`."""
        assert len(drawn) == 96
        return drawn[:32]

    def check_secret(self, secret: bytes) -> None:
        """See `Group`."""
        _exact(secret, 32)

    def _key(self, secret: bytes) -> x25519.X25519PrivateKey:
        self.check_secret(secret)
        return x25519.X25519PrivateKey.from_private_bytes(secret)

    def share(self, secret: bytes) -> bytes:
        """See `Group`."""
        return self._key(secret).public_key().public_bytes_raw()

    def check(self, share: bytes) -> None:
        """See `Group`. Every clamped scalar is a multiple of 8, so any of them takes a small order to zero."""
        _exact(share, 32)
        require(int.from_bytes(share, "little") < self._PRIME, "Decode(NotCanonical)")
        try:
            self.shared(bytes(32), share)
        except Rejected as error:
            raise Rejected("Decode(NotInSubgroup)", "small order") from error

    def shared(self, secret: bytes, peer: bytes) -> bytes:
        """See `Group`."""
        try:
            return self._key(secret).exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        except ValueError as error:
            raise Rejected(OPAQUE, "the shared secret is zero") from error

    def x(self, share: bytes) -> bytes:
        """See `Group`."""
        return share


def pq_key(seed: bytes) -> MLKEM768PrivateKey:
    """The ML-KEM-768 key pair of a 64-byte seed `d || z` (FIPS 203 section 7.1)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed)


def pq_check(ek: bytes) -> None:
    """FIPS 203 section 7.2: length, and every coefficient below q."""
    require(len(ek) == 1184, OPAQUE, "ek: length")
    try:
        MLKEM768PublicKey.from_public_bytes(ek)
    except ValueError as error:
        raise Rejected(OPAQUE, "ek: modulus") from error


def pq_encapsulate(ek: bytes, coin: bytes) -> tuple[bytes, bytes]:
    """`ss` and `ct` for a fixed 32-byte coin, with kyber-py: `cryptography` does not take the coin from outside."""
    kem = ML_KEM(DEFAULT_PARAMETERS["ML768"])
    kem.random_bytes = lambda size: coin if size == len(coin) else b""
    try:
        ss, ct = kem.encaps(ek)
    except ValueError as error:
        raise Rejected(OPAQUE, "ek: modulus") from error
    return ss, ct


def pq_decapsulate(seed: bytes, ct: bytes) -> bytes:
    """`ss`, with `cryptography`: another implementation than that of `pq_encapsulate`."""
    require(len(ct) == 1088, OPAQUE, "ct: length")
    return pq_key(seed).decapsulate(ct)
