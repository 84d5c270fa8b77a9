"""Crypto sessions and SRTP policies of calls: SPEC.md 13.5.2, 13.8.4 to 13.8.6, and the table of 7.1."""

from __future__ import annotations

from dataclasses import dataclass

from .mikey_messages import REFUSED, SP, Entry, Message, Wire
from .notation import require, u8, u16, u32

SESSIONS = "Call(Sessions)"
_TABLE = {
    # name: encryption algorithm, key, salt, authentication key, tag of RTP
    "AES_CM_128_HMAC_SHA1_80": (1, 16, 14, 20, 10),
    "AES_CM_128_HMAC_SHA1_32": (1, 16, 14, 20, 4),
    "F8_128_HMAC_SHA1_80": (2, 16, 14, 20, 10),
    "AES_192_CM_HMAC_SHA1_80": (1, 24, 14, 20, 10),
    "AES_192_CM_HMAC_SHA1_32": (1, 24, 14, 20, 4),
    "AES_256_CM_HMAC_SHA1_80": (1, 32, 14, 20, 10),
    "AES_256_CM_HMAC_SHA1_32": (1, 32, 14, 20, 4),
    "AEAD_AES_128_GCM": (6, 16, 12, 0, 16),
    "AEAD_AES_256_GCM": (6, 32, 12, 0, 16),
}


def lengths(profile: str) -> tuple[int, int]:
    """Bytes of master key and salt."""
    return _TABLE[profile][1], _TABLE[profile][2]


def _values(profile: str) -> dict[int, int]:
    encryption, key, salt, auth_key, tag = _TABLE[profile]
    out = {0: encryption, 1: key, 2: int(auth_key > 0), 4: salt, 5: 0, 6: 0, 7: 1, 8: 1, 10: 1}
    out |= {3: auth_key, 11: tag} if auth_key else {20: 16}
    return out


def policy(profile: str) -> bytes:
    """Every parameter written out, in ascending order, one byte each."""
    return b"".join(u8(kind) + u8(1) + u8(value) for kind, value in sorted(_values(profile).items()))


def profile_of(protocol: int, params: bytes) -> str | None:
    """The profile that a policy describes, with the defaults of RFC 3830 table 6.10.1.b for what it leaves out."""
    if protocol != 0:
        return None
    reader, given = Wire(params), dict[int, int]()
    while reader.left:
        kind, value = reader.number(1), reader.field(255, 1)
        if kind in given or not value:
            return None
        given[kind] = int.from_bytes(value, "big")
    if given.get(3) in (4, 10) and 11 not in given or given.get(11) == 20:
        return None
    if given.get(9, 0) or given.get(12, 0):
        return None
    for name in _TABLE:
        want = _values(name)
        aead = 20 in want
        defaults = {0: 1, 1: 16, 4: 12 if aead else 14, 5: 0, 6: 0, 7: 1, 8: 1, 10: 1}
        defaults |= {20: 16} if aead else {2: 1, 3: 20, 11: 10}
        relevant = [kind for kind in want if kind != 2 or not aead]
        if not aead and 20 in given:
            continue
        if all(given.get(kind, defaults.get(kind)) == want[kind] for kind in relevant):
            return name
    return None


@dataclass(frozen=True)
class Stream:
    """A crypto session that was agreed on."""

    cs_id: int
    sender: str
    ssrc: int
    profile: str
    number: int


@dataclass(frozen=True)
class Offer:
    """What was offered: for each session its SSRC (None: of the other end) and policies; profiles of these; the MKI."""

    role: str
    entries: tuple[tuple[int, int | None, str, tuple[int, ...]], ...]
    policies: tuple[tuple[int, str], ...]
    mki: bytes

    @classmethod
    def make(cls, role: str, existing: list[Stream], new: list[int], profiles: list[str], mki: bytes) -> Offer:
        """Sessions that exist, as they are, then new ones, all with these profiles; numbers of policies count from 1."""
        policies = dict(sorted({(s.number, s.profile) for s in existing}))
        entries: list[tuple[int, int | None, str, tuple[int, ...]]] = [
            (s.cs_id, s.ssrc, s.sender, (s.number,)) for s in existing
        ]
        for ssrc in new:
            for profile in profiles:
                if profile not in policies.values():
                    policies[max(policies, default=0) + 1] = profile
            numbers = tuple(next(n for n, p in policies.items() if p == profile) for profile in profiles)
            sender = role if ssrc else {"initiator": "responder", "responder": "initiator"}[role]
            cs_id = entries[-1][0] + 1 if entries else 1
            entries.append((cs_id, ssrc or None, sender, numbers))
        require(bool(entries), SESSIONS)
        return cls(role, tuple(entries), tuple(policies.items()), mki)

    def encode(self) -> tuple[bytes, int, list[tuple[int, bytes]]]:
        """The map, how many, and the SP payloads."""
        entries = [Entry(n, 0, False, ps, u32(ssrc or 0), self.mki).encode() for n, ssrc, _, ps in self.entries]
        return b"".join(entries), len(entries), [sp(number, policy(profile)) for number, profile in self.policies]

    def check(self, message: Message) -> list[Stream]:
        """SPEC 13.8.5, on the side of who offered."""
        out = []
        require(len(message.sessions) >= len(self.entries), SESSIONS, "one is missing")
        for (cs_id, ours, sender, numbers), got in zip(self.entries, message.sessions):
            require((got.cs_id, got.started, got.spi) == (cs_id, False, self.mki), SESSIONS, "number, MKI or flags")
            require(got.protocol == 0 and len(got.data) == 4, REFUSED, "session data")
            ssrc = int.from_bytes(got.data, "big")
            require(ssrc != 0 and ours in (None, ssrc), SESSIONS, "SSRC")
            require(len(got.policies) == 1 and got.policies[0] in numbers, SESSIONS, "not one of the policies offered")
            number = got.policies[0]
            profile = dict(self.policies)[number]
            require(_policy(message, number) == (number, 0, policy(profile)), SESSIONS, "policy altered")
            out.append(Stream(cs_id, sender, ssrc, profile, number))
        require(len(message.sessions) == len(self.entries), SESSIONS, "one too many")
        return out


def sp(number: int, params: bytes) -> tuple[int, bytes]:
    """An SP payload for SRTP."""
    return SP, u8(number) + u8(0) + u16(len(params)) + params


def _policy(message: Message, number: int) -> tuple[int, int, bytes]:
    found: list[tuple[int, int, bytes]] = [value for value in message.all(SP) if value[0] == number]
    require(len(found) == 1, REFUSED, "SP")
    return found[0]


@dataclass(frozen=True)
class Chosen:
    """An offer, answered."""

    streams: list[Stream]
    mki: bytes
    map: bytes
    policies: list[tuple[int, bytes]]


def choose(role: str, existing: list[Stream], message: Message, accepted: list[str], ssrcs: list[int]) -> Chosen:
    """SPEC 13.8.5, on the side of who answers; `role` made the offer, `ssrcs` are those of the streams that we send."""
    other = {"initiator": "responder", "responder": "initiator"}[role]
    streams: list[Stream] = []
    ours = list(ssrcs)
    mki: bytes | None = None
    for got in message.sessions:
        require(len(streams) < 32, SESSIONS, "too many")
        before = streams[-1].cs_id if streams else 0
        require(got.cs_id > before and not got.started, SESSIONS, "numbers or flags")
        require(len(got.spi) <= 128 and mki in (None, got.spi), SESSIONS, "MKI")
        mki = got.spi
        require(got.protocol == 0 and len(got.data) == 4, REFUSED, "session data")
        offered = int.from_bytes(got.data, "big")
        found = None
        for number in got.policies:
            _, protocol, params = _policy(message, number)
            profile = profile_of(protocol, params)
            if found is None and profile in accepted:
                found = number, profile
        require(found is not None, "Call(NoPolicy)")
        assert found is not None and found[1] is not None
        old = existing[len(streams)] if len(streams) < len(existing) else None
        if old is not None:
            same = (old.cs_id, old.ssrc, old.profile, old.number) == (got.cs_id, offered, found[1], found[0])
            require(same, SESSIONS, "an update changes what exists")
        sender = old.sender if old else (role if offered else other)
        streams.append(Stream(got.cs_id, sender, offered or ours.pop(0), found[1], found[0]))
    require(bool(streams) and len(streams) >= len(existing), SESSIONS, "none, or one is missing")
    mki = mki or b""
    entries = [Entry(s.cs_id, 0, False, (s.number,), u32(s.ssrc), mki).encode() for s in streams]
    numbers = list(dict.fromkeys(s.number for s in streams))
    return Chosen(streams, mki, b"".join(entries), [sp(n, _policy(message, n)[2]) for n in numbers])
