"""The stored form of a plan, and the digest that approving signs.

Steps that are the same on several nodes are written once: a node lists the numbers of its steps. Equal plans have equal
bytes, and only those bytes are loaded: whatever `dump` would not have written is a ValueError that names the place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from nodes.typed_json import TypedJson
from replication.files.core.manifest import Problem
from replication.jobs.core.plan import Brake, NodePlan, Plan

FORMAT = 2
OLDER = (1,)
"""Formats that older versions of the portal wrote."""

S = TypeVar("S")
N = TypeVar("N")
P = TypeVar("P")


class OutdatedPlan(ValueError):
    """An older version of the portal stored it, and this one does not follow it."""


class _Node(msgspec.Struct, Generic[N], frozen=True, forbid_unknown_fields=True):
    id: int
    name: str
    steps: tuple[int, ...]
    detail: N | None
    problems: tuple[Problem, ...]
    away: str
    away_code: str


class _Document(msgspec.Struct, Generic[S, N, P], frozen=True, forbid_unknown_fields=True):
    format: int
    kind: str
    steps: tuple[S, ...]
    nodes: tuple[_Node[N], ...]
    brakes: tuple[Brake, ...]
    problems: tuple[Problem, ...]
    detail: P | None


@dataclass(frozen=True, slots=True)
class PlanCodec:
    """How one kind's plans are stored. `step`, `node`, `common`: the types of a step, of what a plan says of a node
    besides, and of all nodes at once; frozen dataclasses whose fields msgspec knows, or classes made from text (as
    RelPath). None: plans of the kind have no such thing. `makes_sense`: whether a loaded step is one."""

    kind: str
    step: Any
    node: Any = None
    common: Any = None
    makes_sense: Callable[[Any], bool] | None = None
    _shape: TypedJson[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape: Any = _Document
        reader: TypedJson[Any] = TypedJson(shape[self.step, self.node, self.common], made_by=_made_from_text)
        object.__setattr__(self, "_shape", reader)

    def dump(self, plan: Plan) -> bytes:
        """Canonical JSON."""
        steps: dict[Any, int] = {}
        numbers: dict[int, tuple[int, ...]] = {}  # by the list itself, which nodes may share
        for node in plan.nodes:
            if id(node.steps) not in numbers:
                numbers[id(node.steps)] = tuple([steps.setdefault(step, len(steps)) for step in node.steps])
        nodes = tuple(_dump_node(node, numbers[id(node.steps)]) for node in plan.nodes)
        document: Any = _Document(FORMAT, self.kind, tuple(steps), nodes, plan.brakes, plan.problems, plan.detail)
        return _canonical(document).encode()

    def load(self, data: bytes) -> Plan:
        """The plan again. Raises OutdatedPlan, and ValueError for anything that `dump` does not write."""
        raw = _parsed(data)
        try:
            document = self._shape.convert(raw)
        except msgspec.ValidationError as error:
            raise ValueError(f"The stored plan is malformed at {_place(error)}: {error}") from error
        if document.format != FORMAT or document.kind != self.kind:
            _refuse("format" if document.format != FORMAT else "kind")
        self._check_steps(document)
        _check_form(raw, document)
        nodes = tuple(_load_node(node, document.steps, at) for at, node in enumerate(document.nodes))
        return Plan(nodes, document.brakes, document.problems, document.detail)

    def _check_steps(self, document: Any) -> None:
        if self.makes_sense is not None:
            for at, step in enumerate(document.steps):
                if not self.makes_sense(step):
                    _refuse(f"steps[{at}]")


def digest(stored: bytes) -> str:
    """SHA-256 (hex) of a stored plan: what approving signs."""
    return hashlib.sha256(stored).hexdigest()


def _dump_node(node: NodePlan, numbers: tuple[int, ...]) -> Any:
    return _Node(node.node_id, node.node_name, numbers, node.detail, node.problems, node.away, node.away_code)


def _canonical(value: Any) -> str:
    """JSON that is the same for equal values; text that is no Unicode, as names of files may be, is escaped."""
    return json.dumps(msgspec.to_builtins(value, enc_hook=str), sort_keys=True, separators=(",", ":"))


def _parsed(data: bytes) -> Any:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("The stored plan is no JSON.") from error
    if isinstance(raw, dict) and raw.get("format") in OLDER and raw["format"] is not True:
        raise OutdatedPlan("The plan was made by an older version of the portal. Plan again: retry the job.")
    return raw


def _made_from_text(kind: type, value: Any) -> Any:
    """A value of a class that is made from text; a ValueError of its own says what is wrong."""
    if not isinstance(value, str):
        raise ValueError(f"Expected text for {kind.__name__}")
    return kind(value)


def _load_node(node: Any, steps: tuple[Any, ...], at: int) -> NodePlan:
    numbers: tuple[int, ...] = node.steps
    if numbers and not (min(numbers) >= 0 and max(numbers) < len(steps)):
        wrong = next(place for place, number in enumerate(numbers) if not 0 <= number < len(steps))
        _refuse(f"nodes[{at}].steps[{wrong}]")
    chosen = tuple([steps[number] for number in numbers])
    return NodePlan(node.id, node.name, chosen, node.detail, node.problems, node.away, node.away_code)


def _place(error: msgspec.ValidationError) -> str:
    """Where msgspec says that it is: `$.steps[0].path` is `steps[0].path`, nothing is the plan."""
    found = re.search(r" - at `\$\.?(.*)`\Z", str(error), re.DOTALL)
    return (found and found[1]) or "plan"


def _check_form(raw: Any, document: Any) -> None:
    """Nothing beside what was understood: no unknown key, no missing one that has a default, no second form of a
    value. The numbers of steps, most of a plan, are checked one by one elsewhere."""
    for at, value, stored in _values(raw, document):
        if _canonical(value) != json.dumps(stored, sort_keys=True, separators=(",", ":")):
            _refuse(at + _difference(stored, json.loads(_canonical(value))))


def _values(raw: Any, document: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every part that may hold values of dataclasses, which alone take no notice of unknown keys."""
    for name in ("steps", "brakes", "problems", "detail"):
        yield name, getattr(document, name), raw[name]
    for at, node in enumerate(document.nodes):
        yield f"nodes[{at}].detail", node.detail, raw["nodes"][at]["detail"]
        yield f"nodes[{at}].problems", node.problems, raw["nodes"][at]["problems"]


def _difference(raw: Any, understood: Any) -> str:
    """The first place where two JSON values differ."""
    if isinstance(raw, list) and isinstance(understood, list):
        pairs = [(f"[{at}]", one, other) for at, (one, other) in enumerate(zip(raw, understood, strict=True))]
    elif isinstance(raw, dict) and isinstance(understood, dict) and raw.keys() == understood.keys():
        pairs = [(f".{key}", raw[key], understood[key]) for key in sorted(raw)]
    else:
        return ""
    return next((at + _difference(one, other) for at, one, other in pairs if one != other), "")


def _refuse(at: str) -> NoReturn:
    raise ValueError(f"The stored plan is malformed at {at}.")
