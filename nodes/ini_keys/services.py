"""Which ini keys stay a node's own. What nobody answered is kept: it is safer to leave a node its own registration key
than to give it the primary's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.enums import IniChoice
from nodes.ini_keys.models import IniDecision
from nodes.products.ini_render import DifferingKey
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.secret import Secret
from nodes.validators import MAX_INI_NAME, FieldErrors, clean_name, clean_path

MAX_VALUE = 400
"""Characters of a value that are kept to be compared by a person."""

MAX_KEYS = 20_000
"""Keys of one node that people may decide on: every job reads them all."""

MAX_FOLDED = 820
"""Bytes of what identifies a key, as its column and its index hold them."""


@dataclass(frozen=True, slots=True)
class IniAnswer:
    """What shall happen to one key of one ini file of a node."""

    path: str
    section: str
    key: str
    choice: str


def folded(path: str, section: str, key: str) -> str:
    """What identifies an ini key, whatever its spelling."""
    return "\t".join(part.casefold() for part in (path, section, key))


def fits(path: str, section: str, key: str) -> bool:
    """Whether a decision on a key can be kept, as long as its names are: no key that means anything has longer ones."""
    return max(len(section), len(key)) <= MAX_INI_NAME and len(folded(path, section, key).encode()) <= MAX_FOLDED


def _choice(word: str) -> str:
    if word not in IniChoice.values:
        raise ValidationError(f"Use one of: {', '.join(IniChoice.values)}.", code="invalid_choice")
    return word


@transaction.atomic
def answer_ini_key(principal: Principal, *, node_id: int, answer: IniAnswer) -> IniDecision:
    """Keep a key of the node or replicate the primary's. Needs an operator. Raises ValidationError by field."""
    node = take_node(principal, node_id, Role.OPERATOR)
    checks = FieldErrors()
    path, choice = checks("path", clean_path, answer.path), checks("choice", _choice, answer.choice)
    section, key = checks("section", clean_name, answer.section), checks("key", clean_name, answer.key)
    if not fits(path, section, key):
        checks.complain("key", "The names of file, section and key are too long together.", code="max_length")
    checks.finish()
    names = {"path": path, "section": section, "key": key}
    decision = node.ini_decisions.filter(folded=folded(**names)).first()
    before = decision.choice if decision else ""
    if decision is None:
        _room_for_a_key(node)
        decision = IniDecision(node=node, folded=folded(**names), **names)
    decision.choice, decision.answered, decision.decided_by = choice, True, principal.name
    decision.save()
    text = f"[{section}] {key} of {path} on {node.name}: {IniChoice(choice).label.lower()}."
    data = names | {"choice": [before, choice]}
    record(principal, "ini_key.answer", text, cluster=node.cluster, subject=Subject.of(node), data=data)
    return decision


def _room_for_a_key(node: Node) -> None:
    if node.ini_decisions.count() >= MAX_KEYS:
        raise Refused(
            "too_many",
            f"{MAX_KEYS} keys of {node.name} are decided on, which is the most.",
            "Answer those that differ.",
        )


@transaction.atomic
def note_kept_keys(node_id: int, keys: Sequence[tuple[str, str, str]]) -> int:
    """Keep these (path, section, key) until somebody answers; known ones stay as they are. Answers how many are new."""
    known = set(IniDecision.objects.filter(node=node_id).values_list("folded", flat=True))
    fresh = {identity: names for identity, names in _identified(keys) if identity not in known}
    IniDecision.objects.bulk_create(
        [
            IniDecision(node_id=node_id, path=path, section=section, key=key, folded=identity, choice=IniChoice.KEEP)
            for identity, (path, section, key) in fresh.items()
        ],
        ignore_conflicts=True,
        batch_size=100,
    )
    return len(fresh)


@transaction.atomic
def note_values(node_id: int, differing: Iterable[tuple[str, Sequence[DifferingKey]]]) -> None:
    """Keep, sealed, what both sides say of the keys that differ, by file; keys that nobody noted yet are left out."""
    found = {folded(path, one.section, one.key): one for path, keys in differing for one in keys}
    rows = [row for row in IniDecision.objects.filter(node=node_id) if row.folded in found]
    for row in rows:
        one = found[row.folded]
        row.values = Secret(json.dumps([_short(one.primary), _short(one.own)]))
    IniDecision.objects.bulk_update(rows, ["values"], batch_size=100)


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}…"


def _identified(keys: Iterable[tuple[str, str, str]]) -> Iterable[tuple[str, tuple[str, str, str]]]:
    return ((folded(*names), names) for names in keys)
