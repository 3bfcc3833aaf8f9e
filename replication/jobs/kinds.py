"""The kinds of job that can be requested. Runners live a floor above; they offer themselves here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from django.core.exceptions import ValidationError

from nodes.clusters.models import Cluster


class Kind(Protocol):
    """What requesting a job needs to know of its kind."""

    @property
    def kind(self) -> str:
        """The word in `Job.kind`."""
        ...

    @property
    def label(self) -> str:
        """What people call it."""
        ...

    def parse_options(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The options made complete and checked. Raises ValidationError."""
        ...


Refuses = Callable[..., None]
"""Called with a cluster and `dry_run`: raises Refused where the cluster's mode does not allow the kind."""

_KINDS: dict[str, Kind] = {}
_REFUSES: dict[str, Refuses] = {}
_REPLICATES: set[str] = set()


def offer(kind: Kind, *, refuses: Refuses | None = None, replicates: bool = False) -> None:
    """Make a kind requestable. `refuses`: asked when a job of it is requested. `replicates`: it speaks the guide's
    lines in the cluster log."""
    _KINDS[kind.kind] = kind
    if refuses:
        _REFUSES[kind.kind] = refuses
    if replicates:
        _REPLICATES.add(kind.kind)


def check_mode(word: str, cluster: Cluster, *, dry_run: bool) -> None:
    """Raise Refused where a job of this kind may not be requested on the cluster now."""
    if refuses := _REFUSES.get(word):
        refuses(cluster, dry_run=dry_run)


def replicates(word: str) -> bool:
    """Whether jobs of this kind replicate configuration."""
    return word in _REPLICATES


def kinds() -> dict[str, str]:
    """The words of all kinds with what people call them."""
    return {word: kind.label for word, kind in sorted(_KINDS.items())}


def kind_named(word: str) -> Kind:
    """A kind by its word. Raises ValidationError naming the field and the known kinds."""
    if word not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise ValidationError({"kind": f"There is no such kind of job. Use one of: {known}."}, code="invalid_choice")
    return _KINDS[word]
