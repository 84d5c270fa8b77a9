"""Alters one byte in each of twenty vectors, chosen by a seed; every alteration must be found."""

from __future__ import annotations

import copy
import random
from typing import Any

from .compare import Report, all_cases, check_case
from .cases import Case
from .layers import GROUPS

COUNT = 20
INPUTS = {
    *("s", "ID", "sigma", "V_xor", "encapsulation", "key_reference", "salt", "box", "file", "ad", "plaintext", "fk"),
    *("salts", "sigmas", "randomness", "content_key", "hkdf_salt", "argon2_salt", "file_key", "secret", "M1", "M2", "M3"),
}
"""Inputs on all of whose bytes something recorded depends, but for the first draw of an exchange."""

PARTIAL = {"calls/update", "calls/intercepted"}
"""Groups that record a part of what their draws make."""


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where bytes, text and numbers stand."""
    if isinstance(value, dict):
        return [leaf for name, one in value.items() for leaf in _leaves(one, (*path, name))]
    if isinstance(value, list):
        return [leaf for at, one in enumerate(value) for leaf in _leaves(one, (*path, at))]
    return [path] if isinstance(value, str) and value else []


def _altered(text: str, chance: random.Random) -> str:
    """One byte of hexadecimal, or one letter, altered."""
    try:
        data = bytearray.fromhex(text)
    except ValueError:
        at = chance.randrange(len(text))
        return text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    return data.hex()


def _candidates(cases: list[Case]) -> list[tuple[Case, tuple[Any, ...]]]:
    """All outputs, and the inputs that count: another `now` or name may make another right vector."""
    out = []
    for case in cases:
        if case.result == "valid" and not case.only_verdict:
            inputs = GROUPS[f"{case.layer}/{case.group}"][0]
            own = {name: value for name, value in case.own.items() if name not in inputs or name in INPUTS}
            if f"{case.layer}/{case.group}" in PARTIAL:
                own.pop("randomness", None)
            out += [(case, leaf) for leaf in _leaves(own) if leaf[:2] != ("randomness", 0) or "receive" in case.group]
    return out


def check_mutations(seed: int) -> Report:
    """Counts the vectors whose alteration is found, and prints how; each of them must hold before."""
    report = Report("alterations found")
    chance = random.Random(seed)
    files = [candidates for cases in all_cases() if (candidates := _candidates(cases))]
    print(f"  seed {seed}")
    chosen = [file for _ in range(COUNT) for file in [chance.choice(files)]]
    done: set[tuple[str, int]] = set()
    for candidates in chosen:
        left = [c for c in candidates if (c[0].file, c[0].identifier) not in done]
        case, path = chance.choice(left or candidates)
        done.add((case.file, case.identifier))
        before = Report("before")
        check_case(case, before)
        altered = copy.deepcopy(case)
        place: Any = altered.fields
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = _altered(place[path[-1]], chance)
        after = Report("after")
        check_case(altered, after)
        name = f"{case.file} tcId {case.identifier} {'/'.join(str(step) for step in path)}"
        found = before.complete and bool(after.problems)
        report.note(name, None if found else "not found, or wrong before")
        print(f"  {name}: {after.problems[0].rsplit(': ', 2)[-2:] if after.problems else 'NOT FOUND'}")
    return report
