"""Key derivation of MIKEY, from the RFCs and with the standard library alone: `python3 mikey.py` compares with
vectors/mikey/derivation.json, `python3 mikey.py --write` writes it.

RFC 3830 sections 4.1.2 to 4.1.4 and 4.2.4, RFC 6043 sections 5.1, 6.1, 6.2, 6.10 and appendix A.2, RFC 6267 section 5.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from decimal import Decimal, getcontext
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "mikey" / "derivation.json"
HASHES = {0: "sha1", 1: "sha256"}


def p(name: str, s: bytes, label: bytes, m: int) -> bytes:
    """P(s, label, m)."""
    out, a = b"", label
    for _ in range(m):
        a = hmac.new(s, a, name).digest()
        out += hmac.new(s, a + label, name).digest()
    return out


def prf(func: int, inkey: bytes, label: bytes, outlen: int) -> bytes:
    """PRF(inkey, label), the first `outlen` bytes. Both functions split the key into blocks of 256 bits."""
    name = HASHES[func]
    m = -(-outlen // hashlib.new(name).digest_size)
    total = 0
    for i in range(0, len(inkey), 32):
        total ^= int.from_bytes(p(name, inkey[i : i + 32], label, m), "big")
    return total.to_bytes(m * hashlib.new(name).digest_size, "big")[:outlen]


def constants() -> list[int]:
    """Decimal digits of e in chunks of nine."""
    getcontext().prec = 130
    e, term = Decimal(0), Decimal(1)
    for n in range(1, 90):
        e, term = e + term, term / n
    digits = str(e)[2:110]
    return [int(digits[i : i + 9]) for i in range(0, 108, 9)]


# In the order of the digits: TEK, auth, encr from TGK; encr, auth, salt of messages; salt from TGK; forked MPK, TGK; MPK, TGK.
E = constants()
TGK = {"tek": E[0], "authentication": E[1], "encryption": E[2], "salting": E[6]}
MESSAGE = {"encryption": E[3], "authentication": E[4], "salting": E[5]}
FORKED = {"mpk": E[7], "tgk": E[8]}
SESSION = {"mpk": E[9], "tgk": E[10]}


def pattern(n: int, salt: int) -> bytes:
    """Bytes that repeat nowhere soon."""
    return bytes((i * i * 7 + i * 13 + salt * 29 + 5) & 0xFF for i in range(n))


def u32(n: int) -> bytes:
    return n.to_bytes(4, "big")


def lv(rand: bytes) -> bytes:
    return bytes([len(rand)]) + rand


def case(func: int, kind: str, key: str, inkey: bytes, label: bytes, outlen: int, **inputs: object) -> dict:
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in inputs.items()}
    out = prf(func, inkey, label, outlen)
    return {"prf": func, "kind": kind, "key": key, "inkey": inkey.hex(), **shown, "label": label.hex(), "out": out.hex()}


def cases() -> list[dict]:
    out = []
    for func in HASHES:
        # Lengths below, at and over the block of 32 bytes; sizes of K_SESSION on P-256, P-384, P-521.
        for n in (1, 16, 20, 31, 32, 33, 64, 65, 97, 133, 256):
            for m in (1, 14, 16, 20, 21, 32, 33, 64, 160):
                out.append(case(func, "raw", "", pattern(n, n), pattern(13, m), m))
        rand, rand_r, csb = pattern(16, 1), pattern(20, 2), 0xCD177E50
        tgk, psk = pattern(32, 3), pattern(20, 4)
        for key, c in TGK.items():
            for cs in (0, 1, 255):
                label = u32(c) + bytes([cs]) + u32(csb) + rand
                out.append(case(func, "tgk", key, tgk, label, 16, csb_id=csb, cs_id=cs, rand=rand))
        for key, c in MESSAGE.items():
            label = u32(c) + b"\xff" + u32(csb) + rand
            out.append(case(func, "message", key, psk, label, 32, csb_id=csb, rand=rand))
        for key, c in SESSION.items():
            for n in (32, 65, 97, 133):
                label = u32(c) + b"\xff\xff\xff\xff\xff" + rand
                out.append(case(func, "session", key, pattern(n, 5), label, 32, rand=rand))
        every = b"\xff\xff\xff\xff\xff"
        for key, c in FORKED.items():
            ident = b"sip:bob@example.org"
            label = u32(c) + every + b"\0" + len(ident).to_bytes(2, "big") + ident + lv(rand)
            out.append(case(func, "forked", key, tgk, label, 32, id=ident, rand_i=rand))
        for key, c in MESSAGE.items():
            for response in (False, True):
                label = u32(c) + b"\xff" + u32(csb) + bytes([1 + response]) + lv(rand) + lv(rand_r)
                extra = {"csb_id": csb, "response": response, "rand_i": rand, "rand_r": rand_r}
                out.append(case(func, "ticket message", key, psk, label, 20, **extra))
            out.append(case(func, "initiator data", key, psk, u32(c) + every + b"\4", 20))
            out.append(case(func, "base ticket", key, psk, u32(c) + every + b"\5" + lv(rand), 20, rand_i=rand))
        for key, c in TGK.items():
            label = u32(c) + b"\3" + b"\xff" * 4 + b"\3" + lv(b"") + lv(rand_r)
            out.append(case(func, "ticket media", key, tgk, label, 30, cs_id=3, rand_i=b"", rand_r=rand_r))
        for key, c in SESSION.items():
            label = u32(c) + every + b"\6" + lv(rand)
            out.append(case(func, "protection", key, tgk, label, 32, rand_i=rand))
    return out


def tags() -> list[dict]:
    data = pattern(200, 9)
    named = ((1, "sha1", 20), (2, "sha256", 32))
    return [
        {"alg": a, "key": pattern(n, a).hex(), "data": data.hex(), "tag": hmac.new(pattern(n, a), data, h).hexdigest()}
        for a, h, n in named
    ]


def content() -> dict:
    return {"constants": [f"{c:08x}" for c in E[:11]], "cases": cases(), "tags": tags()}


def check() -> tuple[int, int]:
    """How many cases of the file agree, and how many there should be."""
    have, want = json.loads(FILE.read_text()), content()
    pairs = [(h, w) for k in ("cases", "tags") for h, w in zip(have[k], want[k])]
    total = len(want["cases"]) + len(want["tags"]) + 1
    same = sum(h == w for h, w in pairs) + (have["constants"] == want["constants"])
    extra = len(have["cases"]) + len(have["tags"]) + 1 - total
    return same - abs(extra), total


def main() -> int:
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(content(), indent=1) + "\n")
    good, total = check()
    print(f"mikey: {good}/{total}")
    return 0 if good == total else 1


if __name__ == "__main__":
    sys.exit(main())
