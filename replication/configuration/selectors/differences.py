"""The ini keys that differ between primary and node, with both values as far as they may be shown."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.principals import Principal
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.selectors import ini_keys_of
from nodes.products.masking import is_secret, masked
from nodes.registry.models import Node
from nodes.typed_json import TypedJson

_VALUES: TypedJson[tuple[str | None, str | None]] = TypedJson(tuple[str | None, str | None])


@dataclass(frozen=True, slots=True)
class Difference:
    """One key. `primary`, `own`: the values, None where a side has no such key or was not read yet; `masked`: they look
    like secrets and are not shown."""

    path: str
    section: str
    key: str
    primary: str | None
    own: str | None
    masked: bool
    choice: str
    answered: bool

    @property
    def answer(self) -> str:
        """What somebody chose; "" where nobody answered."""
        return self.choice if self.answered else ""


def differences_of(principal: Principal, node: Node, most: int | None = None) -> list[Difference]:
    """The node's keys that differ, as last compared; only the first ones, where `most` says how many."""
    return [_difference(row) for row in ini_keys_of(principal, node)[:most]]


def _difference(row: IniDecision) -> Difference:
    primary, own = _VALUES.decode(row.values.reveal()) if row.values else (None, None)
    hidden = is_secret(row.section, row.key, primary, own)
    if hidden:
        primary, own = masked(primary), masked(own)
    return Difference(row.path, row.section, row.key, primary, own, hidden, row.choice, row.answered)
