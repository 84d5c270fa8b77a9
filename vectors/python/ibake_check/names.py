"""Normal forms of names and districts: the algorithms of SPEC.md 3.2.1 and 3.8."""

from __future__ import annotations

import ipaddress
import re

from .notation import Rejected, require

_SELF = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,;?/")
_UPPER = re.compile(r"[A-Z]")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*\Z")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")


def _not_normal(condition: bool, rule: str) -> None:
    require(condition, f"Identity(NotNormal: {rule})")


def _syntax(condition: bool, what: str) -> None:
    require(condition, f"Identity(Syntax: {what})")


def _bytes(text: str, limit: int) -> None:
    raw = text.encode("utf-8")
    require(bool(raw), "Identity(Empty)")
    require(len(raw) <= limit, "Identity(TooLong)")
    require(all(0x21 <= byte <= 0x7E for byte in raw), "Identity(BadByte)")


def name(text: str) -> str:
    """`name(s)`; gives the form: sip, sips, tel or nai."""
    _bytes(text, 1024)
    if ":" in text:
        scheme, rest = text.split(":", 1)
        require(scheme.lower() in ("sip", "sips", "tel"), "Identity(UnknownForm)")
        _not_normal(not _UPPER.search(scheme), "scheme in lower case")
        if scheme == "tel":
            _number(rest)
        else:
            _sip(rest)
        return scheme
    require("@" in text, "Identity(UnknownForm)")
    _nai(*text.split("@", 1))
    return "nai"


def _sip(text: str) -> None:
    hostport = text
    if "@" in text:
        user, hostport = text.split("@", 1)
        _user(user)
    for character in hostport:
        _not_normal(character != ";", "no URI parameters")
        _not_normal(character != "?", "no header fields")
    _not_normal(_split_port(hostport)[1] is None, "no port")
    host(hostport)


def _split_port(hostport: str) -> tuple[str, str | None]:
    """Host, and what follows the colon behind it; an address in brackets has colons of its own."""
    begin = 0
    if hostport.startswith("["):
        if "]" not in hostport:
            return hostport, None
        begin = hostport.index("]")
    at = hostport.find(":", begin)
    return (hostport, None) if at < 0 else (hostport[:at], hostport[at + 1 :])


def _user(text: str) -> None:
    _syntax(text != "", "user")
    _not_normal(":" not in text, "no password")
    decoded, at = bytearray(), 0
    while at < len(text):
        if text[at] == "%":
            digits = text[at + 1 : at + 3]
            _syntax(re.fullmatch("[0-9A-Fa-f]{2}", digits) is not None, "percent-escape")
            _not_normal(digits == digits.upper(), "escapes with upper-case digits")
            value = int(digits, 16)
            _not_normal(value not in _SELF, "no escape where none is needed")
            require(value >= 0x20 and value != 0x7F, "Identity(BadByte)")
            decoded.append(value)
            at += 3
        else:
            _syntax(ord(text[at]) in _SELF, "user")
            decoded.append(ord(text[at]))
            at += 1
    try:
        characters = decoded.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Rejected("Identity(Syntax: escapes are not UTF-8)") from error
    require(not any("\x80" <= c <= "\x9f" for c in characters), "Identity(BadByte)")


def _number(text: str) -> None:
    _not_normal(";" not in text, "no parameters")
    _syntax(text.startswith("+"), "a global number begins with +")
    digits = text[1:]
    _not_normal(not set(digits) & set("-.()"), "no visual separators")
    _syntax(re.fullmatch("[0-9]{1,15}", digits) is not None, "telephone number")


def _nai(user: str, realm: str) -> None:
    _syntax(_ATOM.match(user) is not None, "user")
    _hostname(realm)
    _syntax("." in realm, "a realm has a dot")


def host(text: str) -> None:
    """`host(s)`."""
    if text.startswith("["):
        inner = text[1:-1]
        try:
            if not text.endswith("]") or "%" in inner:
                raise ValueError
            address = ipaddress.IPv6Address(inner)
        except ValueError as error:
            raise Rejected("Identity(Syntax: IPv6 address)") from error
        _not_normal(address.ipv4_mapped is None, "an IPv4 address is written as one")
        _not_normal(_rfc5952(address) == inner, "IPv6 addresses as in RFC 5952")
        return
    last = text.rsplit(".", 1)[-1]
    if last and last.isascii() and last.isdigit():
        parts = text.split(".")
        fine = len(parts) == 4 and all(re.fullmatch("0|[1-9][0-9]{0,2}", p) and int(p) <= 255 for p in parts)
        _syntax(fine, "IPv4 address")
        return
    _hostname(text)


def _rfc5952(address: ipaddress.IPv6Address) -> str:
    """RFC 5952 section 4, never the mixed notation."""
    groups = ["%x" % int.from_bytes(address.packed[at : at + 2], "big") for at in range(0, 16, 2)]
    runs = [(begin, end) for begin in range(8) for end in range(begin + 2, 9) if set(groups[begin:end]) == {"0"}]
    if not runs:
        return ":".join(groups)
    begin, end = max(runs, key=lambda run: (run[1] - run[0], -run[0]))
    return ":".join(groups[:begin]) + "::" + ":".join(groups[end:])


def _hostname(text: str) -> None:
    _not_normal(not _UPPER.search(text), "host in lower case")
    _not_normal(not (len(text) > 1 and text.endswith(".")), "no dot at the end of the host")
    labels = text.split(".")
    fine = len(text) <= 253 and all(len(label) <= 63 and _LABEL.match(label) for label in labels)
    _syntax(fine and labels[-1][0].isalpha(), "host")


def district(text: str) -> None:
    """`district(s)` of SPEC 3.8."""
    _bytes(text, 255)
    other = "Identity(District)"
    require("://" in text, other)
    scheme, rest = text.split("://", 1)
    _not_normal(scheme == "https" or scheme.lower() != "https", "scheme in lower case")
    require(scheme == "https", other)
    authority, *segments = rest.split("/")
    name_part, port = _split_port(authority)
    try:
        host(name_part)
    except Rejected as error:
        if "NotNormal" in error.error:
            raise
        raise Rejected(other, error.error) from error
    if port is not None:
        require(re.fullmatch("[0-9]+", port) is not None and 0 < int(port) <= 65535, other)
        _not_normal(int(port) != 443, "no default port")
        _not_normal(not port.startswith("0"), "no leading zeros in the port")
    for segment in segments:
        _not_normal(segment not in ("", ".", ".."), "no empty or dot segments")
        require(re.fullmatch("[A-Za-z0-9._~-]+", segment) is not None, other)
