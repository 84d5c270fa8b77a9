"""Alters one byte in each of twenty places of the exchange vectors; every alteration must be found."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

from .compare import Report, check_exchange

# Path, and where in the value: a byte of hexadecimal text, of a number (from the low end) or a letter; None: by a hash.
# Left out, because nothing recorded depends on them: the note, the first draw of each case, the validity in parameters.
PLACES: tuple[tuple[tuple[str | int, ...], int | None], ...] = (
    (("now",), 3),
    (("parameters", 0), 130),
    (("parameters", 0), 27),
    (("parameters", 1), -30),
    (("private_key_I",), 20),
    (("private_key_I",), -20),
    (("private_key_R",), 100),
    (("cases", 0, "M1"), None),
    (("cases", 0, "randomness", 3), None),
    (("cases", 0, "randomness", 7), None),
    (("cases", 1, "M2"), None),
    (("cases", 1, "words", 1), None),
    (("cases", 1, "randomness", 2), None),
    (("cases", 2, "M3"), None),
    (("cases", 2, "randomness", 4), None),
    (("cases", 3, "M4"), None),
    (("cases", 3, "export(test, context, 32)"), None),
    (("cases", 3, "randomness", 9), None),
    (("cases", 4, "authentication_string"), 0),
    (("cases", 4, "suite"), 2),
)


def _altered(value: Any, at: int) -> Any:
    """The value with one byte altered."""
    if isinstance(value, int):
        return value ^ 1 << 8 * at
    try:
        data = bytearray.fromhex(value)
    except ValueError:
        letters = bytearray(value, "ascii")
        letters[at % len(letters)] ^= 1
        return letters.decode("ascii")
    data[at % len(data)] ^= 1
    return data.hex()


def mutated(data: dict[str, Any], place: int) -> tuple[str, dict[str, Any]]:
    """The name of a place, and the vectors with that place altered."""
    path, at = PLACES[place]
    name = "/".join(str(step) for step in path)
    if at is None:
        at = int.from_bytes(hashlib.sha256(name.encode("ascii")).digest()[:4], "big")
    out = copy.deepcopy(data)
    parent: Any = out
    for step in path[:-1]:
        parent = parent[step]
    before = parent[path[-1]]
    parent[path[-1]] = _altered(before, at)
    assert parent[path[-1]] != before
    return name, out


def check_mutations(data: dict[str, Any]) -> Report:
    """Counts the places whose alteration is found, and prints how; first of all, unaltered vectors must agree."""
    report = Report("alterations found")
    report.check("nothing altered", lambda: all(unaltered.complete for unaltered in check_exchange(data)))
    for place in range(len(PLACES)):
        name, altered = mutated(data, place)
        problems = check_exchange(altered)[0].problems
        report.check(name, lambda: bool(problems))
        print(f"  {name}: {problems[0] if problems else 'NOT FOUND'}")
    return report
