"""Compares what is recomputed with what the files say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from py_ecc.optimized_bls12_381.optimized_curve import normalize

from . import call_layers  # noqa: F401  (registers its groups)
from .cases import VECTORS, Case, Inputs, load, load_text
from .curve import hash_to_curve
from .layers import GROUPS
from .notation import Rejected

HASHING = VECTORS / "hash_to_curve" / "BLS12381G1_XMD_SHA-256_SSWU_RO_.json"


@dataclass
class Report:
    """How many of the fields of a file agree, and which do not."""

    title: str
    compared: int = 0
    total: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, what: str, problem: str | None) -> None:
        """Counts one field."""
        self.total += 1
        if problem is None:
            self.compared += 1
        else:
            self.problems.append(f"{what}: {problem}")

    @property
    def complete(self) -> bool:
        """Whether everything agrees, and there is something."""
        return self.compared == self.total > 0 and not self.problems

    def __str__(self) -> str:
        return f"{self.title}: {self.compared}/{self.total}"


def plain(value: Any) -> Any:
    """A value as it stands in a file."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def verdict(case: Case) -> tuple[dict[str, Any] | None, Rejected | None]:
    """What comes of a case: its outputs, or why it is refused."""
    kinds, compute = GROUPS[f"{case.layer}/{case.group}"]
    unknown = set() if case.result == "valid" else set(case.fields) - set(kinds)
    missing = {name for name, kind in kinds.items() if not kind.endswith("?")} - set(case.fields)
    if unknown - {"ikm"} or missing:
        raise ValueError(f"fields: unknown {unknown}, missing {missing}")
    try:
        return {name: plain(value) for name, value in compute(Inputs(case.fields, set(kinds))).items()}, None
    except Rejected as refusal:
        return None, refusal


def check_case(case: Case, report: Report) -> None:
    """Counts the verdict of a case and each of its fields that is no input."""
    where = f"{case.file} tcId {case.identifier} ({case.comment})"
    try:
        outputs, refusal = verdict(case)
    except (ValueError, KeyError, OverflowError, StopIteration, IndexError, AssertionError, TypeError) as error:
        report.note(where, f"cannot be computed: {error!r}")
        return
    if refusal is not None:
        fine = case.result == "invalid" and refusal.error == case.error
        report.note(where, None if fine else f"refused with {refusal}, recorded is {case.error}")
        return
    assert outputs is not None
    report.note(where, None if case.result == "valid" else f"accepted, recorded is {case.error}")
    if case.only_verdict or case.result != "valid":
        return
    recorded = {name: value for name, value in case.fields.items() if name not in GROUPS[f"{case.layer}/{case.group}"][0]}
    for name in sorted(set(recorded) | set(outputs)):
        same = name in recorded and name in outputs and recorded[name] == outputs[name]
        report.note(f"{where}: {name}", None if same else "differs")


def all_cases() -> list[list[Case]]:
    """The cases of every file of `vectors/ibake`."""
    return [load(path) for path in sorted((VECTORS / "ibake").glob("*.json"))]


def negative_cases() -> list[Case]:
    """The cases of `vectors/negative`."""
    kinds = {name: {field_name: kind.rstrip("?") for field_name, kind in inputs.items()} for name, (inputs, _) in GROUPS.items()}
    required = {name: {f for f, kind in inputs.items() if not kind.endswith("?")} for name, (inputs, _) in GROUPS.items()}
    out = []
    for path in sorted((VECTORS / "negative").glob("*.txt")):
        case = load_text(path, kinds)
        # A list that may be missing and has no line is missing.
        wanted = required[f"{case.layer}/{case.group}"]
        case.fields = {name: value for name, value in case.fields.items() if value != [] or name in wanted}
        out.append(case)
    return out


def check_files(files: Iterable[list[Case]]) -> Iterable[Report]:
    """A report for each file."""
    for cases in files:
        report = Report(f"ibake/{cases[0].file}")
        for case in cases:
            check_case(case, report)
        yield report


def check_negative(show: bool) -> Report:
    """Every negative case must be refused with the error that it names; `show` prints what found it."""
    report = Report("negative")
    for case in negative_cases():
        check_case(case, report)
        if show:
            print(f"  {case.file}: {verdict(case)[1]}")
    return report


def check_hashing() -> Report:
    """The hash to G1 against the vectors of RFC 9380, SPEC 2.2."""
    data = json.loads(HASHING.read_text("ascii"))
    report = Report("hash_to_curve/" + HASHING.name)
    dst = data["dst"].encode("ascii")
    for vector in data["vectors"]:
        expected = [int(vector["P"][axis], 16) for axis in "xy"]
        point = hash_to_curve(vector["msg"].encode("ascii"), dst)
        same = [int(value) for value in normalize(point)] == expected
        report.note(vector["msg"][:20], None if same else "differs")
    return report


def check_schemas() -> Report:
    """Every file against its JSON Schema."""
    from jsonschema import Draft202012Validator

    report = Report("schema")
    for path in sorted((VECTORS / "ibake").glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        schema = json.loads((VECTORS / "schema" / data["schema"]).read_text("utf-8"))
        Draft202012Validator.check_schema(schema)
        error = next(iter(Draft202012Validator(schema).iter_errors(data)), None)
        report.note(path.name, None if error is None else error.message[:200])
    return report
