"""The stored form of a plan, and the digest that approving signs.

Steps that are the same on several nodes are written once: a node lists the numbers of its steps. Equal plans have
equal bytes. What is loaded is checked value by value; anything unexpected is a ValueError that names the place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    Wanted,
)
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import (
    Brake,
    KeptKey,
    NodePlan,
    Plan,
)

FORMAT = 1
KEYS = {"format", "snapshot_root", "steps", "nodes", "brakes", "problems", "unclassified"}
NODE_KEYS = {"id", "name", "steps", "kept", "extras", "problems", "away", "away_code"}
T = TypeVar("T")


def dump(plan: Plan) -> bytes:
    """Canonical JSON."""
    steps: dict[Change, int] = {}
    nodes = [_dump_node(node, steps) for node in plan.nodes]
    document = {
        "format": FORMAT,
        "snapshot_root": plan.snapshot_root,
        "steps": [_dump_change(change) for change in steps],
        "nodes": nodes,
        "brakes": [[b.code, b.node_name, b.evidence, b.remedy] for b in plan.brakes],
        "problems": _dump_problems(plan.problems),
        "unclassified": list(plan.unclassified),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def digest(plan: Plan) -> str:
    """SHA-256 (hex) of the canonical form."""
    return hashlib.sha256(dump(plan)).hexdigest()


def load(data: bytes) -> Plan:
    """The plan again. Raises ValueError for anything `dump` does not write."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("The stored plan is no JSON.") from error
    _object(document, KEYS, "plan")
    if document["format"] != FORMAT:
        _refuse("format")
    steps = _each(document["steps"], _load_change, "steps")
    return Plan(
        snapshot_root=_text(document["snapshot_root"], "snapshot_root"),
        nodes=_each(document["nodes"], lambda raw, at: _load_node(raw, at, steps), "nodes"),
        brakes=_each(document["brakes"], _load_brake, "brakes"),
        problems=_each(document["problems"], _load_problem, "problems"),
        unclassified=_each(document["unclassified"], _text, "unclassified"),
    )


def _dump_node(node: NodePlan, steps: dict[Change, int]) -> dict[str, object]:
    return {
        "id": node.node_id,
        "name": node.node_name,
        "steps": [steps.setdefault(change, len(steps)) for change in node.changes],
        "kept": [[kept.path, kept.section, kept.key, kept.answered] for kept in node.kept],
        "extras": list(node.extras),
        "problems": _dump_problems(node.problems),
        "away": node.away,
        "away_code": node.away_code,
    }


def _dump_problems(problems: Sequence[Problem]) -> list[list[str]]:
    return [[problem.path, problem.code, problem.detail] for problem in problems]


def _dump_change(c: Change) -> list[object]:
    wanted = [c.wanted.sha256, c.wanted.size, c.wanted.mtime_ns, c.wanted.shared] if c.wanted else None
    found = [c.found.sha256, c.found.size, c.found.mtime_ns, c.found.change_ns] if c.found else None
    return [c.kind, c.path, wanted, found, c.group, c.semaphore, c.effect, c.conflict]


def _load_node(raw: Any, at: str, steps: tuple[Change, ...]) -> NodePlan:
    _object(raw, NODE_KEYS, at)
    return NodePlan(
        node_id=_number(raw["id"], f"{at}.id"),
        node_name=_text(raw["name"], f"{at}.name"),
        changes=_each(raw["steps"], lambda number, place: _step(number, place, steps), f"{at}.steps"),
        kept=_each(raw["kept"], _load_kept, f"{at}.kept"),
        extras=_each(raw["extras"], _path, f"{at}.extras"),
        problems=_each(raw["problems"], _load_problem, f"{at}.problems"),
        away=_text(raw["away"], f"{at}.away"),
        away_code=_text(raw["away_code"], f"{at}.away_code"),
    )


def _step(raw: Any, at: str, steps: tuple[Change, ...]) -> Change:
    if type(raw) is not int or not 0 <= raw < len(steps):
        _refuse(at)
    return steps[raw]


def _load_change(raw: Any, at: str) -> Change:
    kind, path, wanted, found, group, semaphore, effect, conflict = _row(raw, 8, at)
    if kind not in ChangeKind.__members__.values():
        _refuse(f"{at}.kind")
    change = Change(
        kind=ChangeKind(kind),
        path=_path(path, f"{at}.path"),
        wanted=None if wanted is None else _load_wanted(wanted, f"{at}.wanted"),
        found=None if found is None else _load_found(found, f"{at}.found"),
        group=_number(group, f"{at}.group"),
        semaphore=None if semaphore is None else _text(semaphore, f"{at}.semaphore"),
        effect=_text(effect, f"{at}.effect"),
        conflict=_flag(conflict, f"{at}.conflict"),
    )
    if not _makes_sense(change):
        _refuse(at)
    return change


def _makes_sense(change: Change) -> bool:
    """Whether the kind has what it needs: an addition finds nothing, a deletion wants nothing, the others have both."""
    wants, finds = change.wanted is not None, change.found is not None
    return (wants, finds) == {ChangeKind.ADD: (True, False), ChangeKind.DELETE: (False, True)}.get(
        change.kind, (True, True)
    )


def _load_wanted(raw: Any, at: str) -> Wanted:
    sha256, size, mtime_ns, shared = _row(raw, 4, at)
    return Wanted(_hash(sha256, at), _size(size, at), _number(mtime_ns, at), _flag(shared, at))


def _load_found(raw: Any, at: str) -> Found:
    sha256, size, mtime_ns, change_ns = _row(raw, 4, at)
    change = None if change_ns is None else _number(change_ns, at)
    return Found(_hash(sha256, at), _size(size, at), _number(mtime_ns, at), change)


def _load_kept(raw: Any, at: str) -> KeptKey:
    path, section, key, answered = _row(raw, 4, at)
    return KeptKey(_path(path, at), _text(section, at), _text(key, at), _flag(answered, at))


def _load_brake(raw: Any, at: str) -> Brake:
    return Brake(*(_text(value, at) for value in _row(raw, 4, at)))


def _load_problem(raw: Any, at: str) -> Problem:
    return Problem(*(_text(value, at) for value in _row(raw, 3, at)))


def _each(raw: Any, read: Callable[[Any, str], T], at: str) -> tuple[T, ...]:
    if not isinstance(raw, list):
        _refuse(at)
    return tuple(read(value, f"{at}[{number}]") for number, value in enumerate(raw))


def _object(raw: Any, keys: set[str], at: str) -> None:
    if not isinstance(raw, dict) or raw.keys() != keys:
        _refuse(at)


def _row(raw: Any, length: int, at: str) -> list[Any]:
    if not isinstance(raw, list) or len(raw) != length:
        _refuse(at)
    return raw


def _text(raw: Any, at: str) -> str:
    if not isinstance(raw, str):
        _refuse(at)
    return raw


def _number(raw: Any, at: str) -> int:
    if type(raw) is not int:  # True is no number
        _refuse(at)
    return raw


def _size(raw: Any, at: str) -> int:
    if _number(raw, at) < 0:
        _refuse(at)
    return int(raw)


def _flag(raw: Any, at: str) -> bool:
    if not isinstance(raw, bool):
        _refuse(at)
    return raw


def _hash(raw: Any, at: str) -> str:
    text = _text(raw, at)
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        _refuse(at)
    return text


def _path(raw: Any, at: str) -> RelPath:
    try:
        return RelPath(_text(raw, at))
    except ValueError as error:
        raise ValueError(f"The stored plan is malformed at {at}: {error}.") from error


def _refuse(at: str) -> NoReturn:
    raise ValueError(f"The stored plan is malformed at {at}.")
