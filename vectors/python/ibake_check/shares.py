"""Diffie-Hellman shares and ML-KEM-768: SPEC.md 5.4.1 and the hybrid suite of 5.1."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS  # type: ignore[import-untyped]
from kyber_py.ml_kem.ml_kem import ML_KEM  # type: ignore[import-untyped]

from .notation import Rejected, require


class Group(Protocol):
    """A Diffie-Hellman group as the suites use it."""

    def share(self, drawn: bytes) -> bytes:
        """The public share of a secret drawn as 96 bytes."""

    def check(self, share: bytes) -> None:
        """Refuses a malformed share."""

    def shared(self, drawn: bytes, peer: bytes) -> bytes:
        """`dh`: the x-coordinate of the shared point, or the u-coordinate."""

    def x(self, share: bytes) -> bytes:
        """The x-coordinate of a share, by which reflection is found."""


class NistCurve:
    """P-256, P-384 or P-521: SEC1 uncompressed points; `OS2IP(96 bytes) mod n`, and 1 if that is 0."""

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._size = (curve.key_size + 7) // 8

    def _secret(self, drawn: bytes) -> ec.EllipticCurvePrivateKey:
        assert len(drawn) == 96
        order = self._curve.group_order
        return ec.derive_private_key(int.from_bytes(drawn, "big") % order or 1, self._curve)

    def share(self, drawn: bytes) -> bytes:
        """See `Group`."""
        return self._secret(drawn).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def _public(self, share: bytes) -> ec.EllipticCurvePublicKey:
        require(len(share) == 1 + 2 * self._size and share[0] == 4, "share: form")
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(self._curve, share)
        except ValueError as error:
            raise Rejected("share: not on the curve") from error

    def check(self, share: bytes) -> None:
        """See `Group`."""
        self._public(share)

    def shared(self, drawn: bytes, peer: bytes) -> bytes:
        """See `Group`."""
        return self._secret(drawn).exchange(ec.ECDH(), self._public(peer))

    def x(self, share: bytes) -> bytes:
        """See `Group`."""
        return share[1 : 1 + self._size]


class X25519:
    """32-byte u-coordinates, canonical, of no small order; the secret is the first 32 of the 96 bytes."""

    _PRIME = 2**255 - 19

    def _secret(self, drawn: bytes) -> x25519.X25519PrivateKey:
        assert len(drawn) == 96
        return x25519.X25519PrivateKey.from_private_bytes(drawn[:32])

    def share(self, drawn: bytes) -> bytes:
        """See `Group`."""
        return self._secret(drawn).public_key().public_bytes_raw()

    def check(self, share: bytes) -> None:
        """See `Group`. Every clamped scalar is a multiple of 8, so any of them takes a small order to zero."""
        require(len(share) == 32, "share: form")
        require(int.from_bytes(share, "little") < self._PRIME, "share: not canonical")
        self.shared(bytes(96), share)

    def shared(self, drawn: bytes, peer: bytes) -> bytes:
        """See `Group`."""
        try:
            return self._secret(drawn).exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        except ValueError as error:
            raise Rejected("share: small order or zero secret") from error

    def x(self, share: bytes) -> bytes:
        """See `Group`."""
        return share


def pq_key(seed: bytes) -> MLKEM768PrivateKey:
    """The ML-KEM-768 key pair of a 64-byte seed `d || z` (FIPS 203 section 7.1)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed)


def pq_check(ek: bytes) -> None:
    """FIPS 203 section 7.2: length, and every coefficient below q."""
    require(len(ek) == 1184, "ek: length")
    try:
        MLKEM768PublicKey.from_public_bytes(ek)
    except ValueError as error:
        raise Rejected("ek: modulus") from error


def pq_encapsulate(ek: bytes, coin: bytes) -> tuple[bytes, bytes]:
    """`ss` and `ct` for a fixed 32-byte coin, with kyber-py: `cryptography` does not take the coin from outside."""
    kem = ML_KEM(DEFAULT_PARAMETERS["ML768"])
    kem.random_bytes = lambda size: coin if size == len(coin) else b""
    try:
        ss, ct = kem.encaps(ek)
    except ValueError as error:
        raise Rejected("ek: modulus") from error
    return ss, ct


def pq_decapsulate(seed: bytes, ct: bytes) -> bytes:
    """`ss`, with `cryptography`: another implementation than that of `pq_encapsulate`."""
    require(len(ct) == 1088, "ct: length")
    return pq_key(seed).decapsulate(ct)
