"""Identity-based signatures: SPEC.md 4.9."""

from __future__ import annotations

from dataclasses import dataclass

from py_ecc.optimized_bls12_381.optimized_curve import add, multiply

from .curve import DST_H1, R, Point, decode_g1, decode_g2, enc48, hash_to_curve, mul_p2, same_pairing, scalar
from .identity import Identity
from .kem import context as pkctx
from .notation import exp, ext, h, label, lp, require
from .parameters import Parameters, PrivateKey

CONTEXT_MAX = 255


@dataclass(frozen=True)
class Signed:
    """A signature with every value on the way."""

    m: bytes
    t: int
    commitment: bytes
    challenge: int
    response: bytes

    @property
    def encoded(self) -> bytes:
        """`enc48(T) || enc48(S)`."""
        return self.commitment + self.response


def digest(parameters: Parameters, identity: bytes, context: bytes, message: bytes) -> bytes:
    """`m`."""
    return h(label("sign"), pkctx(parameters, identity), lp(context), message)


def challenge(m: bytes, commitment: bytes) -> int:
    """`h`."""
    return scalar(exp(ext(label("sign h"), m), commitment, 48))


def sign(parameters: Parameters, key: PrivateKey, context: bytes, message: bytes, fresh: bytes) -> Signed:
    """SPEC 4.9, with its checks in the order of 4.9.1."""
    require(key.identity.purpose == "signing", "Key(Purpose)")
    require(len(context) <= CONTEXT_MAX, "Usage(TooMany)")
    assert len(fresh) == 32
    identity = key.identity.encode()
    m = digest(parameters, identity, context, message)
    t = scalar(exp(ext(fresh, key.point), label("sign t") + m, 48))
    commitment = enc48(multiply(hash_to_curve(identity, DST_H1), t))
    c = challenge(m, commitment)
    response = enc48(multiply(decode_g1(key.point), (t + c) % R))
    found = Signed(m, t, commitment, c, response)
    assert verify(parameters, key.identity, context, message, found.encoded) == (m, c)
    return found


def verify(parameters: Parameters, identity: Identity, context: bytes, message: bytes, signature: bytes) -> tuple[bytes, int]:
    """SPEC 4.9.3, in its order; gives `m` and `h`."""
    require(identity.purpose == "signing", "Key(Purpose)")
    parameters.check_identity(identity.reference)
    require(len(context) <= CONTEXT_MAX, "Usage(TooMany)")
    require(len(signature) >= 96, "Decode(Truncated)")
    require(len(signature) == 96, "Decode(Trailing)")
    commitment, response = decode_g1(signature[:48]), decode_g1(signature[48:])
    encoded = identity.encode()
    m = digest(parameters, encoded, context, message)
    c = challenge(m, signature[:48])
    right: Point = add(commitment, multiply(hash_to_curve(encoded, DST_H1), c))
    holds = same_pairing(response, mul_p2(1), right, decode_g2(parameters.p_pub))
    require(holds, "Peer(Signature)")
    return m, c
