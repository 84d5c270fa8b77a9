"""Files of vectors: typed values of a case, JSON files, negative cases in text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2]
COMMON = {"tcId", "comment", "flags", "result", "error"}
_HEAD = ("attack", "expect", "spec", "layer", "group")


def as_bytes(value: Any) -> bytes:
    """Hexadecimal text, a repetition, or a list of both to be put one after the other."""
    if isinstance(value, str):
        if value != value.lower():
            raise ValueError("hexadecimal in upper case")
        return bytes.fromhex(value)
    if isinstance(value, dict):
        return bytes.fromhex(value["repeat"]) * int(value["times"])
    return b"".join(as_bytes(part) for part in value)


def as_text(value: Any) -> str:
    """Text, a repetition, or a list of both."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return str(value["repeat"]) * int(value["times"])
    return "".join(as_text(part) for part in value)


class Inputs:
    """The inputs of a case. Asking for anything that is no input of its group is a mistake of the checker."""

    def __init__(self, fields: dict[str, Any], allowed: set[str]) -> None:
        self._fields = {name: value for name, value in fields.items() if name in allowed}
        self._allowed = allowed

    def __contains__(self, name: str) -> bool:
        assert name in self._allowed
        return name in self._fields

    def raw(self, name: str) -> Any:
        """The value as it stands in the file."""
        assert name in self._allowed, name
        return self._fields[name]

    def bytes(self, name: str) -> bytes:
        """Bytes."""
        return as_bytes(self.raw(name))

    def text(self, name: str) -> str:
        """Text."""
        return as_text(self.raw(name))

    def number(self, name: str) -> int:
        """A number."""
        return int(self.raw(name))

    def list(self, name: str) -> list[bytes]:
        """A list of bytes."""
        return [as_bytes(value) for value in self.raw(name)]

    def numbers(self, name: str) -> tuple[int, ...]:
        """A list of numbers."""
        return tuple(self.raw(name))


@dataclass
class Case:
    """One case: where it stands, its fields, those of its group included."""

    file: str
    identifier: int
    comment: str
    layer: str
    group: str
    fields: dict[str, Any]
    result: str
    error: str | None
    only_verdict: bool = False
    own: dict[str, Any] = field(default_factory=dict)


def load(path: Path) -> list[Case]:
    """The cases of a JSON file."""
    data = json.loads(path.read_text("utf-8"))
    out = []
    for group in data["testGroups"]:
        layer, kind = data["layer"], group["type"]
        only_verdict = layer == "limits"
        if only_verdict:
            layer, kind = kind.split("/")
        shared = {name: value for name, value in group.items() if name not in ("type", "tests")}
        for test in group["tests"]:
            own = {name: value for name, value in test.items() if name not in COMMON}
            case = Case(path.name, test["tcId"], test["comment"], layer, kind, shared | own, test["result"], test.get("error"))
            case.only_verdict, case.own = only_verdict, own
            out.append(case)
    if len(out) != data["numberOfTests"]:
        raise ValueError(f"{path.name}: numberOfTests")
    return out


def load_text(path: Path, kinds: dict[str, dict[str, str]]) -> Case:
    """A negative case; `kinds` gives the kind of each field of a group, by `layer/group`."""
    lines: list[list[str]] = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            lines[-1][1] += line.strip()
        elif line:
            name, value = line.split(":", 1)
            lines.append([name, value.strip()])
    head, rest = lines[:5], lines[5:]
    if [name for name, _ in head] != list(_HEAD):
        raise ValueError(f"{path.name}: the first lines are {_HEAD}")
    attack, expect, _, layer, group = (value for _, value in head)
    fields: dict[str, Any] = {}
    known = kinds[f"{layer}/{group}"]
    for name, kind in known.items():
        if kind.endswith("*"):
            fields[name] = []
    for name, value in rest:
        kind = known[name]
        item = value if kind.startswith("bytes") else json.loads(value)
        if kind.endswith("*"):
            fields[name].append(item)
        else:
            fields[name] = item
    return Case(path.name, 1, attack, layer, group, fields, "invalid", expect)
