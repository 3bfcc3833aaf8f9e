"""The kinds of job, each registered once, from its own package. Whoever asks what kinds there are asks here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError

from accounts.models import Role
from nodes.clusters.models import Cluster
from replication.jobs.core.plan import Plan
from replication.jobs.core.plan_json import PlanCodec
from replication.jobs.core.plan_text import PlanText
from replication.jobs.models import Job
from replication.jobs.runner import Runner

Refuses = Callable[..., None]
"""Called with a cluster and `dry_run`: raises Refused where the cluster's mode does not allow the kind."""


class Slot(StrEnum):
    """Where a kind may offer itself: in the list of the page that requests jobs, at the head of a cluster's page, among
    what can be done to a node. An offer's row is the cluster, for `NODE` the node."""

    REQUEST = "request"
    CLUSTER = "cluster"
    NODE = "node"


def _nothing(_plan: Plan) -> Iterable[str]:
    return ()


def _nothing_said(_values: Mapping[str, Any]) -> str:
    return ""


def _always(_row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to a kind. `page`: the name of the address that asks for the job, made with the row's id; `query` is
    added to it. `role`: who sees the offer. `when`: whether the row is one for it; must not ask the database."""

    slot: Slot
    label: str = ""
    page: str = ""
    order: int = 50
    query: str = ""
    role: Role = Role.OPERATOR
    icon: str = ""
    look: str = "plain"
    title: str = ""
    lead: str = ""
    when: Callable[[Any], bool] = _always


@dataclass(frozen=True, slots=True)
class Kind:
    """Everything the engine, the pages and the API know of one kind of job.

    `word` is what `Job.kind` holds, at most 40 characters; `label` what people call it. `parse_options` makes the
    options complete and checked, or raises ValidationError with a dict of fields. `resources`: what no other job may
    hold while one plans or runs, such as `cluster:3:config`. `codec` stores its plans, `text` puts them into words,
    `content` names what a plan needs of the object store until it has run. `role`: who may ask for it, approve it and
    retry it. `refuses` is asked whenever a job is requested. `form`: the form that asks for its options on the page
    that requests jobs, a `RequestForm`; None: it needs none. `manner` says in a word or two what options ask for,
    `found` in a sentence what a plan's summary holds; both are shown with the job. `speaks`: its jobs write the guide's
    lines of a replication into the cluster log. `phases`: the words of the phases between which all its targets wait
    for one another (`PhasedRunner`); none: a target's part is done in one. `lasts`: what comes next goes by its ended
    jobs, which retention therefore leaves.
    """

    word: str
    label: str
    runner: Runner
    parse_options: Callable[[Mapping[str, Any]], dict[str, Any]]
    resources: Callable[[Job], tuple[str, ...]]
    codec: PlanCodec
    text: PlanText
    content: Callable[[Plan], Iterable[str]] = _nothing
    role: Role = Role.OPERATOR
    refuses: Refuses | None = None
    offers: tuple[Offer, ...] = ()
    form: type[Any] | None = None
    manner: Callable[[Mapping[str, Any]], str] = _nothing_said
    found: Callable[[Mapping[str, Any]], str] = _nothing_said
    speaks: bool = False
    phases: tuple[str, ...] = ()
    lasts: bool = False

    def __post_init__(self) -> None:
        if self.phases and (len(self.phases) < 2 or not hasattr(self.runner, "give_back")):
            raise ValueError(f"the kind {self.word!r} needs two phases or more, and a runner that can give back")


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known to this process. Raises ValueError for a word that is taken by another."""
    if _KINDS.setdefault(kind.word, kind) is not kind:
        raise ValueError(f"there is a kind of job {kind.word!r} already")


def kinds() -> dict[str, str]:
    """The words of all kinds with what people call them."""
    return {word: kind.label for word, kind in sorted(_KINDS.items())}


def passing_kinds() -> list[str]:
    """The words of the kinds whose ended jobs go when their time is over; none that this version does not know."""
    return [word for word, kind in _KINDS.items() if not kind.lasts]


def kind_of(word: str) -> Kind | None:
    """A kind by its word; None where this version of the portal has none (an older worker meets a newer job)."""
    return _KINDS.get(word)


def kind_named(word: str) -> Kind:
    """A kind by its word. Raises ValidationError naming the field and the known kinds."""
    if word not in _KINDS:
        known = ", ".join(sorted(_KINDS))
        raise ValidationError({"kind": f"There is no such kind of job. Use one of: {known}."}, code="invalid_choice")
    return _KINDS[word]


def check_mode(word: str, cluster: Cluster, *, dry_run: bool) -> None:
    """Raise Refused where a job of this kind may not be requested on the cluster now."""
    kind = _KINDS.get(word)
    if kind and kind.refuses:
        kind.refuses(cluster, dry_run=dry_run)


def role_for(word: str) -> Role:
    """Who may ask for a kind, approve it and retry it; an operator where it is not known any more."""
    kind = _KINDS.get(word)
    return kind.role if kind else Role.OPERATOR


def replicates(word: str) -> bool:
    """Whether jobs of this kind replicate configuration."""
    kind = _KINDS.get(word)
    return kind is not None and kind.speaks


def phases_of(word: str) -> tuple[str, ...]:
    """The phases of a kind, in their order; none for a kind that does each node's part in one."""
    kind = _KINDS.get(word)
    return kind.phases if kind else ()


def offers_in(slot: Slot, row: Any) -> list[tuple[Kind, Offer]]:
    """What the kinds offer at a place for a row, in their order."""
    found = [(kind, offer) for kind in _KINDS.values() for offer in kind.offers if offer.slot == slot]
    return sorted((one for one in found if one[1].when(row)), key=lambda one: (one[1].order, one[0].word))
