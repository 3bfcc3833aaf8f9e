"""How clusters stand is said by the package that knows their nodes; those below it ask here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_JUDGES: list[Callable[[Any], object]] = []


def register_judge(judge: Callable[[Any], object]) -> None:
    """Say how a cluster's verdict is made from its row, whose nodes were fetched with it."""
    _JUDGES[:] = [judge]


def verdict_of(cluster: Any) -> object:
    """The cluster's verdict (`nodes.registry.core.verdict.Verdict`)."""
    return _JUDGES[0](cluster)
