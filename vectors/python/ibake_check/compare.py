"""Compares what is recomputed with what the files say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from py_ecc.optimized_bls12_381.optimized_curve import normalize

from .curve import hash_to_curve
from .exchange import Outcome, Setting, run
from .messages import SUITES
from .notation import Rejected, require
from .parameters import Parameters, PrivateKey

VECTORS = Path(__file__).resolve().parents[2]
EXCHANGE = VECTORS / "ibake" / "exchange.json"
HASHING = VECTORS / "hash_to_curve" / "BLS12381G1_XMD_SHA-256_SSWU_RO_.json"

INPUTS = {"suite", "randomness"}
OUTPUTS = ("M1", "M2", "M3", "M4", "export(test, context, 32)", "authentication_string", "words")
TOP = {"note", "now", "parameters", "private_key_I", "private_key_R", "cases"}


@dataclass
class Report:
    """How many of the fields of a file agree, and which do not."""

    title: str
    compared: int = 0
    total: int = 0
    problems: list[str] = field(default_factory=list)

    def check(self, what: str, test: Callable[[], bool]) -> None:
        """Counts one field, and runs its test at once; a refusal is a disagreement."""
        self.total += 1
        try:
            if test():
                self.compared += 1
            else:
                self.problems.append(f"{what}: differs")
        except (Rejected, ValueError) as error:
            self.problems.append(f"{what}: {error}")

    @property
    def complete(self) -> bool:
        """Whether everything agrees."""
        return self.compared == self.total and not self.problems

    def __str__(self) -> str:
        return f"{self.title}: {self.compared}/{self.total}"


def load() -> dict[str, Any]:
    """The exchange vectors."""
    data: dict[str, Any] = json.loads(EXCHANGE.read_text("ascii"))
    return data


def setting(data: dict[str, Any], name: str) -> Setting:
    """The inputs of the case of one suite, decoded; the equations are not checked here."""
    suites = [suite for suite in SUITES.values() if suite.name == name]
    require(len(suites) == 1, "suite: unknown name")
    parameters = [Parameters.decode(bytes.fromhex(text)) for text in data["parameters"]]
    key_i, key_r = (PrivateKey.decode(bytes.fromhex(data[f"private_key_{end}"])) for end in "IR")
    return Setting(data["now"], suites[0], parameters[0], parameters[1], key_i, key_r)


def recompute(data: dict[str, Any], case: dict[str, Any], **hooks: Any) -> Outcome:
    """The exchange of one case, from its inputs alone."""
    return run(setting(data, case["suite"]), [bytes.fromhex(text) for text in case["randomness"]], **hooks)


def fields(outcome: Outcome) -> dict[str, Any]:
    """What a case should record."""
    messages = [message.hex() for message in outcome.messages]
    return dict(zip(OUTPUTS, (*messages, outcome.exported.hex(), outcome.authentication_string, outcome.words), strict=True))


def _opens(data: dict[str, Any], case: dict[str, Any], kind: int) -> bool:
    """Whether a receiver accepts the recorded message `kind`."""
    recorded = bytes.fromhex(case[f"M{kind}"])
    recompute(data, case, wire=lambda n, sent: recorded if n == kind else sent)
    return True


def check_exchange(data: dict[str, Any]) -> list[Report]:
    """Recomputes every field of the exchange vectors, then opens the recorded messages as their receivers."""
    recomputed, opened = Report("ibake/exchange.json, recomputed"), Report("ibake/exchange.json, opened by receivers")
    recomputed.check("fields of the file", lambda: set(data) == TOP)
    suites = sorted(suite.name for suite in SUITES.values())
    recomputed.check("suites", lambda: sorted(case["suite"] for case in data["cases"]) == suites)
    for end, encoded in zip("IR", data["parameters"], strict=True):
        stored = data[f"private_key_{end}"]
        recomputed.check(
            f"parameters of {end}: proof of possession",
            lambda: Parameters.decode(bytes.fromhex(encoded)).possession_holds(),
        )
        recomputed.check(
            f"private key of {end}: fingerprint",
            lambda: PrivateKey.decode(bytes.fromhex(stored)).fingerprint
            == Parameters.decode(bytes.fromhex(encoded)).fingerprint(),
        )
        recomputed.check(
            f"private key of {end}: equation",
            lambda: PrivateKey.decode(bytes.fromhex(stored)).is_genuine(Parameters.decode(bytes.fromhex(encoded))),
        )
    for case in data["cases"]:
        found: dict[str, Any] = {}
        try:
            found = fields(recompute(data, case))
        except (Rejected, ValueError) as error:
            recomputed.problems.append(f"{case['suite']}: {error}")
        for name in sorted(set(case) - INPUTS | set(OUTPUTS)):
            recomputed.check(f"{case['suite']}: {name}", lambda: name in found and found[name] == case.get(name))
        for kind in (1, 2, 3, 4):
            opened.check(f"{case['suite']}: M{kind}", lambda: _opens(data, case, kind))
    return [recomputed, opened]


def check_hashing() -> Report:
    """The hash to G1 against the vectors of RFC 9380, SPEC 2.2."""
    data = json.loads(HASHING.read_text("ascii"))
    report = Report("hash_to_curve/" + HASHING.name)
    dst = data["dst"].encode("ascii")
    for vector in data["vectors"]:
        expected = [int(vector["P"][axis], 16) for axis in "xy"]
        point = hash_to_curve(vector["msg"].encode("ascii"), dst)
        report.check(vector["msg"][:20], lambda: [int(value) for value in normalize(point)] == expected)
    return report
