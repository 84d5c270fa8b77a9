"""Every layer's groups: from the inputs of a case to all its other fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from py_ecc.optimized_bls12_381.optimized_curve import multiply

from . import names, signatures
from .containers import (
    Keys,
    Secret,
    check_cookie,
    cookie,
    open_box,
    open_envelope,
    open_file,
    read_wire,
    seal_box,
    seal_envelope,
    seal_file,
)
from .curve import DST_H1, DST_POP, enc48, enc96, hash_to_curve, hash_to_field, mul_p2
from .exchange import AwaitM2, AwaitM3, Draws, Responder, fourth, start, third
from .cases import Inputs
from .introduction import Introduction, rule
from .identity import Identity, KeyReference, Period, granularity_known, hint
from .kem import context, decapsulate, encapsulate
from .messages import SUITES, Suite
from .notation import Reader, h, require, xor
from .parameters import Parameters, PrivateKey, master_secret
from .schedule import Session, digits, words

Outputs = dict[str, Any]
"""Bytes, numbers, text, or lists of them."""
Compute = Callable[[Inputs], Outputs]
GROUPS: dict[str, tuple[dict[str, str], Compute]] = {}
"""By `layer/group`: inputs with their kinds (a star marks a list, a question mark what may be missing), and the function."""


def group(title: str, /, **inputs: str) -> Callable[[Compute], Compute]:
    """Registers a group."""

    def register(compute: Compute) -> Compute:
        GROUPS[title] = inputs, compute
        return compute

    return register


def _u32(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _parameters(i: Inputs) -> Parameters:
    return Parameters.decode(i.bytes("parameters"))


def _identity(i: Inputs, parameters: Parameters) -> Identity:
    return Identity.decode(i.bytes("ID"), parameters.granularity)


def _keys(i: Inputs, stored: list[bytes] | None = None) -> Keys:
    """Private keys, each loaded under the parameters of its district."""
    known = [Parameters.decode(p) for p in i.list("parameters_list")]
    out: Keys = []
    for encoded in stored if stored is not None else i.list("private_keys"):
        reference = PrivateKey.decode(encoded).identity.reference
        own = [p for p in known if (p.district, p.serial) == (reference.district, reference.serial)][0]
        out.append((PrivateKey.load(encoded, own), own))
    return out


# ---- identity: 3.1, 3.2, 3.3, 3.8


@group("identity/name", name="text")
def _name(i: Inputs) -> Outputs:
    return {"form": names.name(i.text("name"))}


@group("identity/district", district="text")
def _district(i: Inputs) -> Outputs:
    names.district(i.text("district"))
    return {}


@group("identity/period", granularity="number", t="number")
def _period(i: Inputs) -> Outputs:
    period = Period.containing(granularity_known(i.number("granularity")), i.number("t"))
    begin, end = period.current()
    return {"start": period.start, "end": period.end, "current_from": begin, "current_until": end}


@group("identity/encode", district="text", serial="number", purpose="text", name="text", granularity="number", t="number")
def _encode(i: Inputs) -> Outputs:
    identity = Identity.make(
        i.text("district"), i.number("serial"), i.text("purpose"), i.text("name"), i.number("granularity"), i.number("t")
    )
    encoded = identity.encode()
    return {"start": identity.reference.period.start, "identityType": identity.type, "ID": encoded, "H(ID)": h(encoded)}


@group("identity/decode", ID="bytes", granularity="number")
def _decode(i: Inputs) -> Outputs:
    identity = Identity.decode(i.bytes("ID"), granularity_known(i.number("granularity")))
    reference = identity.reference
    return {
        "district": reference.district,
        "serial": reference.serial,
        "purpose": identity.purpose,
        "name": identity.name,
        "start": reference.period.start,
    }


# ---- hash_to_curve: 2.2


def _hashed(message: bytes, dst: bytes) -> Outputs:
    uniform, u0, u1 = hash_to_field(message, dst)
    point = enc48(hash_to_curve(message, dst))
    return {"DST": dst.decode("ascii"), "uniform_bytes": uniform, "u0": u0, "u1": u1, "P": point}


@group("hash_to_curve/H1", ID="bytes", granularity="number")
def _h1(i: Inputs) -> Outputs:
    return _hashed(Identity.decode(i.bytes("ID"), i.number("granularity")).encode(), DST_H1)


@group("hash_to_curve/H_pop", district="text", serial="number", granularity="number")
def _h_pop(i: Inputs) -> Outputs:
    bare = Parameters(i.text("district"), i.number("serial"), 0, 0, enc96(mul_p2(1)), i.number("granularity"), b"")
    return _hashed(bare.fingerprint(), DST_POP) | {"fingerprint": bare.fingerprint()}


# ---- parameters: 3.4 to 3.9


@group(
    "parameters/setup",
    s="bytes",
    district="text",
    serial="number",
    notBefore="number",
    notAfter="number",
    granularity="number",
    pkgURI="text?",
)
def _setup(i: Inputs) -> Outputs:
    validity = i.number("notBefore"), i.number("notAfter")
    uri = i.text("pkgURI") if "pkgURI" in i else None
    s = master_secret(i.bytes("s"))
    p = Parameters.make(s, i.text("district"), i.number("serial"), validity, i.number("granularity"), uri)
    fixed = {"P_pub": p.p_pub, "fingerprint": p.fingerprint(), "pop": p.pop}
    return fixed | {"parameters": p.encode(), "text": p.text()}


@group("parameters/load", parameters="bytes")
def _load(i: Inputs) -> Outputs:
    p = _parameters(i)
    fixed = {"district": p.district, "serial": p.serial, "notBefore": p.not_before, "notAfter": p.not_after}
    return fixed | {"granularity": p.granularity, "P_pub": p.p_pub, "fingerprint": p.fingerprint()}


@group("parameters/load_text", text="text")
def _load_text(i: Inputs) -> Outputs:
    return {"parameters": Parameters.from_text(i.text("text")).encode()}


@group(
    "parameters/introduce", s="bytes", signer="bytes", parameters="bytes", rules="text", **{"from": "number"}, until="number"
)
def _introduce(i: Inputs) -> Outputs:
    signer = Parameters.decode(i.bytes("signer"))
    s = master_secret(i.bytes("s"))
    require(enc96(mul_p2(s)) == signer.p_pub, "Parameters(Mismatch)")
    rules = i.text("rules").split(" ") if i.text("rules") else []
    for text in rules:
        rule(text)
    introduced = _parameters(i)
    require(introduced.fingerprint() != signer.fingerprint(), "Parameters(Mismatch)")
    made = Introduction(signer.fingerprint(), i.number("from"), i.number("until"), rules, introduced)
    return {"introduction": made.sign(s)}


@group("parameters/accept", introduction="bytes", signer="bytes", now="number")
def _accept(i: Inputs) -> Outputs:
    signer = Parameters.decode(i.bytes("signer"))
    read = Introduction.decode(i.bytes("introduction"), signer)
    require(read.begin <= i.number("now") <= read.until, "Parameters(NotValidAt)")
    said = {"parameters": read.introduced.encode(), "rules": " ".join(read.rules)}
    return said | {"from": read.begin, "until": read.until}


@group("parameters/use", parameters="bytes", ID="bytes", granularity="number", now="number")
def _use(i: Inputs) -> Outputs:
    p = _parameters(i)
    identity = Identity.decode(i.bytes("ID"), i.number("granularity"))
    p.check_time(i.number("now"))
    p.check_identity(identity.reference)
    return {}


# ---- extraction, verification: 4, 4.6, 4.7


@group("extraction/extract", s="bytes", parameters="bytes", ID="bytes")
def _extract(i: Inputs) -> Outputs:
    p = _parameters(i)
    identity = _identity(i, p)
    s = master_secret(i.bytes("s"))
    require(enc96(mul_p2(s)) == p.p_pub, "Parameters(Mismatch)")
    p.check_identity(identity.reference)
    q_id = hash_to_curve(identity.encode(), DST_H1)
    d_id = enc48(multiply(q_id, s))
    key = PrivateKey(p.fingerprint(), identity, d_id)
    return {"Q_ID": enc48(q_id), "d_ID": d_id, "private_key": key.encode()}


@group("verification/decode", private_key="bytes")
def _decode_key(i: Inputs) -> Outputs:
    key = PrivateKey.decode(i.bytes("private_key"))
    granularity = key.identity.reference.period.granularity
    fixed = {"granularity": granularity, "fingerprint": key.fingerprint}
    return fixed | {"name": key.identity.name, "ID": key.identity.encode()}


@group("verification/load", parameters="bytes", private_key="bytes")
def _load_key(i: Inputs) -> Outputs:
    key = PrivateKey.load(i.bytes("private_key"), _parameters(i))
    return {"ID": key.identity.encode(), "d_ID": key.point}


# ---- kem: 2.3, 2.4, 4


@group("kem/encapsulate", parameters="bytes", ID="bytes", sigma="bytes")
def _encapsulate(i: Inputs) -> Outputs:
    p = _parameters(i)
    identity = _identity(i, p).encode()
    e = encapsulate(p, identity, i.bytes("sigma"))
    fixed = {"Q_ID": enc48(hash_to_curve(identity, DST_H1)), "pkctx": e.pkctx, "k": _u32(e.k)}
    return fixed | {"U": e.u, "gt": e.gt, "V": e.v, "K": e.key}


@group("kem/altered", parameters="bytes", private_key="bytes", sigma="bytes", V_xor="bytes")
def _altered(i: Inputs) -> Outputs:
    p = _parameters(i)
    key = PrivateKey.load(i.bytes("private_key"), p)
    identity = key.identity.encode()
    e = encapsulate(p, identity, i.bytes("sigma"))
    v = xor(e.v, i.bytes("V_xor"))
    d = decapsulate(p, identity, key.point, e.u + v)
    fixed = {"pkctx": e.pkctx, "U": e.u, "V": v, "gt": d.gt, "sigma'": d.sigma, "k'": _u32(d.k), "U'": d.u}
    return fixed | {"z": d.z, "K_rej": d.rejected, "K": d.key}


@group("kem/decapsulate", parameters="bytes", private_key="bytes", encapsulation="bytes")
def _decapsulate(i: Inputs) -> Outputs:
    p = _parameters(i)
    key = PrivateKey.load(i.bytes("private_key"), p)
    identity = key.identity.encode()
    d = decapsulate(p, identity, key.point, i.bytes("encapsulation"))
    return {"pkctx": context(p, identity), "z": d.z, "K_rej": d.rejected, "K": d.key, "accepted": d.accepted}


# ---- key_reference: 4.5


@group("key_reference/write", ID="bytes", granularity="number")
def _write(i: Inputs) -> Outputs:
    return {"key_reference": Identity.decode(i.bytes("ID"), i.number("granularity")).reference.encode()}


@group("key_reference/read", key_reference="bytes")
def _read(i: Inputs) -> Outputs:
    reader = Reader(i.bytes("key_reference"))
    reference = KeyReference.read(reader)
    reader.end()
    period = reference.period
    fixed = {"district": reference.district, "serial": reference.serial}
    return fixed | {"start": period.start, "granularity": period.granularity}


@group("key_reference/hint", ID="bytes", granularity="number", salt="bytes")
def _hint(i: Inputs) -> Outputs:
    return {"hint": hint(i.bytes("salt"), Identity.decode(i.bytes("ID"), i.number("granularity")).encode())}


# ---- box, file: 4.3, 4.4


@group("box/seal", parameters="bytes", ID="bytes", aead="number", ad="bytes", plaintext="bytes", sigma="bytes")
def _seal_box(i: Inputs) -> Outputs:
    p = _parameters(i)
    b = seal_box(p, _identity(i, p), i.number("aead"), i.bytes("ad"), i.bytes("plaintext"), i.bytes("sigma"))
    return {"header": b.header, "U": b.u, "V": b.v, "K": b.kem_key, "key": b.key, "box": b.box}


@group("box/open", parameters_list="bytes*", private_keys="bytes*", ad="bytes", box="bytes")
def _open_box(i: Inputs) -> Outputs:
    return {"plaintext": open_box(i.bytes("box"), _keys(i), i.bytes("ad"))}


_FILE = {
    "parameters_list": "bytes*",
    "ID_list": "bytes*",
    "aead": "number",
    "ad": "bytes",
    "plaintext": "bytes",
    "fk": "bytes",
    "salts": "bytes*",
    "sigmas": "bytes*",
}


def _sealed(i: Inputs) -> Any:
    known = [Parameters.decode(p) for p in i.list("parameters_list")]
    to = [(p, Identity.decode(one, p.granularity)) for p, one in zip(known, i.list("ID_list"), strict=True)]
    rest = i.bytes("ad"), i.bytes("plaintext"), i.bytes("fk"), i.list("salts"), i.list("sigmas")
    return seal_file(to, i.number("aead"), *rest)


@group("file/seal", **_FILE)
def _seal_file(i: Inputs) -> Outputs:
    f = _sealed(i)
    whole = f.header + b"".join(f.chunks)
    return {
        "header": f.header,
        "list": f.list_hash,
        "wrap_keys": f.wrap_keys,
        "payload_key": f.payload_key,
        "tags": [chunk[-16:] for chunk in f.chunks],
        "file_length": len(whole),
        "H(file)": h(whole),
    }


@group("file/chunks", **_FILE, private_key="bytes", order="number*")
def _chunks(i: Inputs) -> Outputs:
    f = _sealed(i)
    kept = f.header + b"".join(f.chunks[n] for n in i.numbers("order"))
    keys = _keys(i, [i.bytes("private_key")])
    return {"header": f.header, "H(plaintext)": h(open_file(kept, keys, i.bytes("ad")))}


@group("file/open", parameters_list="bytes*", private_keys="bytes*", ad="bytes", file="bytes")
def _open_file(i: Inputs) -> Outputs:
    return {"plaintext": open_file(i.bytes("file"), _keys(i), i.bytes("ad"))}


# ---- signatures: 4.9


@group("signatures/sign", parameters="bytes", private_key="bytes", context="bytes", message="bytes", fresh="bytes")
def _sign(i: Inputs) -> Outputs:
    p = _parameters(i)
    key = PrivateKey.load(i.bytes("private_key"), p)
    s = signatures.sign(p, key, i.bytes("context"), i.bytes("message"), i.bytes("fresh"))
    fixed = {"m": s.m, "t": _u32(s.t), "T": s.commitment, "h": _u32(s.challenge), "S": s.response}
    return fixed | {"signature": s.encoded}


@group("signatures/verify", parameters="bytes", ID="bytes", context="bytes", message="bytes", signature="bytes")
def _verify(i: Inputs) -> Outputs:
    p = _parameters(i)
    m, c = signatures.verify(p, _identity(i, p), i.bytes("context"), i.bytes("message"), i.bytes("signature"))
    return {"m": m, "h": _u32(c)}


# ---- exchange: 4.2, 5

_EXCHANGE = {
    "now": "number",
    "parameters_I": "bytes",
    "parameters_R": "bytes",
    "private_key_I": "bytes",
    "private_key_R": "bytes",
    "suite": "text",
    "randomness": "bytes*",
}


def _run(i: Inputs, more: bool) -> tuple[Session, Outputs]:
    """A whole exchange; `more` says whether the group has the optional inputs."""
    suite: Suite = next(s for s in SUITES.values() if s.name == i.text("suite"))
    parameters_i, parameters_r = (Parameters.decode(i.bytes(f"parameters_{end}")) for end in "IR")
    key_i = PrivateKey.load(i.bytes("private_key_I"), parameters_i)
    key_r = PrivateKey.load(i.bytes("private_key_R"), parameters_r)
    listed = [(suite.identifier,), (suite.identifier,)]
    data = [b"", b""]
    with_hint = False
    if more:
        listed = [i.numbers(f"suites_{end}") if f"suites_{end}" in i else listed[0] for end in "IR"]
        data = [i.bytes(f"data_{n}") if f"data_{n}" in i else b"" for n in (3, 4)]
        with_hint = "send_hint" in i and bool(i.raw("send_hint"))
    now, draws = i.number("now"), Draws(i.list("randomness"))
    draws.take(32)
    values: Outputs = {"fp_I": parameters_i.fingerprint(), "fp_R": parameters_r.fingerprint()}
    values["pkctx(ID_I)"] = context(parameters_i, key_i.identity.encode())
    values["pkctx(ID_R)"] = context(parameters_r, key_r.identity.encode())
    theirs: Outputs = {}
    peer = parameters_r, key_r.identity
    await_2, m1 = start(suite, listed[0], key_i, parameters_i, peer, now, draws, with_hint, values)
    responder = Responder(listed[1], [key_r], [parameters_i, parameters_r], {})
    await_3, m2 = responder.accept(m1, now, draws, theirs)
    assert (AwaitM2.decode(await_2.encode()), AwaitM3.decode(await_3.encode())) == (await_2, await_3)
    both = parameters_i, parameters_r
    unconfirmed, m3 = third(await_2, m2, key_i, both, data[0], now, draws, values)
    session, m4 = fourth(await_3, m3, [key_r], parameters_r, data[1], now, theirs)
    confirmed = unconfirmed.finish(m4, now)
    draws.end()
    # What both ends have computed must be the same; what one of them alone has is taken from it.
    for name in set(values) & set(theirs):
        require(values[name] == theirs[name], "the ends differ", name)
    require(confirmed == session, "the ends differ", "session")
    return session, values | theirs


@group(
    "exchange/exchange",
    **_EXCHANGE,
    suites_I="number*?",
    suites_R="number*?",
    send_hint="bool?",
    data_3="bytes?",
    data_4="bytes?",
)
def _exchange(i: Inputs) -> Outputs:
    session, values = _run(i, more=True)
    number = session.authentication_string()
    values["export(test, context, 32)"] = session.export(b"test", b"context", 32)
    return values | {"authentication_string": number, "words": words(number), "digits": digits(number)}


@group("exchange/export", **_EXCHANGE, label="text", context="bytes", L="number")
def _export(i: Inputs) -> Outputs:
    session, _ = _run(i, more=False)
    return {"H(exported)": h(session.export(i.text("label").encode(), i.bytes("context"), i.number("L")))}


_RECEIVER = {"now": "number", "parameters_list": "bytes*", "private_keys": "bytes*"}


@group(
    "exchange/receive_M1", **_RECEIVER, suites="number*", first="bytes?", first_now="number?", M1="bytes", randomness="bytes*"
)
def _receive_1(i: Inputs) -> Outputs:
    known = [Parameters.decode(p) for p in i.list("parameters_list")]
    responder = Responder(i.numbers("suites"), [key for key, _ in _keys(i)], known, {})
    if "first" in i:
        responder.accept(i.bytes("first"), i.number("first_now"), Draws(i.list("randomness")), {})
    return {"M2": responder.accept(i.bytes("M1"), i.number("now"), Draws(i.list("randomness")), {})[1]}


def _third(i: Inputs, now: int | None) -> Any:
    state = AwaitM2.decode(i.bytes("AwaitM2"))
    known = [Parameters.decode(p) for p in i.list("parameters_list")]
    both = [
        next(p for p in known if (p.district, p.serial) == (one.reference.district, one.reference.serial))
        for one in (state.own, state.peer)
    ]
    key = next(key for key, _ in _keys(i) if key.identity == state.own)
    at = state.started if now is None else now
    return third(state, i.bytes("M2"), key, (both[0], both[1]), b"", at, Draws(i.list("randomness")), {})


@group("exchange/receive_M2", **_RECEIVER, AwaitM2="bytes", M2="bytes", randomness="bytes*")
def _receive_2(i: Inputs) -> Outputs:
    return {"M3": _third(i, i.number("now"))[1]}


@group("exchange/receive_M3", **_RECEIVER, AwaitM3="bytes", M3="bytes")
def _receive_3(i: Inputs) -> Outputs:
    state, keys = AwaitM3.decode(i.bytes("AwaitM3")), dict(_keys(i))
    own = next((p for key, p in keys.items() if key.identity == state.own), Parameters.decode(i.list("parameters_list")[0]))
    session, m4 = fourth(state, i.bytes("M3"), list(keys), own, b"", i.number("now"), {})
    return {"M4": m4, "authentication_string": session.authentication_string()}


@group("exchange/receive_M4", **_RECEIVER, AwaitM2="bytes", M2="bytes", randomness="bytes*", M4="bytes")
def _receive_4(i: Inputs) -> Outputs:
    session = _third(i, None)[0].finish(i.bytes("M4"), i.number("now"))
    return {"authentication_string": session.authentication_string()}


@group("exchange/cookie", secret="bytes", source="bytes", M1="bytes", issued="number", now="number", given="bytes?")
def _cookie(i: Inputs) -> Outputs:
    fixed = i.bytes("secret"), i.bytes("source"), i.bytes("M1")
    made = cookie(*fixed, i.number("issued"))
    check_cookie(i.bytes("given") if "given" in i else made, *fixed, i.number("now"))
    return {"cookie": made}


@group("exchange/envelope", envelope="bytes")
def _wire(i: Inputs) -> Outputs:
    return read_wire(i.bytes("envelope"))


# ---- envelope: section 8


def _secret(i: Inputs) -> Secret:
    if "passphrase" in i:
        return "passphrase", i.text("passphrase").encode("utf-8")
    return "file_key", i.bytes("file_key")


@group(
    "envelope/seal",
    kind="number",
    passphrase="text?",
    m="number?",
    t="number?",
    p="number?",
    argon2_salt="bytes?",
    file_key="bytes?",
    hkdf_salt="bytes",
    plaintext="bytes",
)
def _seal_envelope(i: Inputs) -> Outputs:
    cost, salts = None, [i.bytes("hkdf_salt")]
    if "passphrase" in i:
        cost = i.number("m"), i.number("t"), i.number("p")
        salts.insert(0, i.bytes("argon2_salt"))
    ikm, key, file = seal_envelope(i.number("kind"), _secret(i), cost, salts, i.bytes("plaintext"))
    return {"ikm": ikm, "key": key, "file": file}


@group("envelope/open", kind="number", passphrase="text?", file_key="bytes?", file="bytes")
def _open_envelope(i: Inputs) -> Outputs:
    return {"plaintext": open_envelope(i.bytes("file"), i.number("kind"), _secret(i))}


