"""Keys of shared folders: looked for on the primary by one worker at a time, confirmed by people. Nothing is written to
a server here."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import SYSTEM, Principal
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.enums import KeySource, SearchState
from nodes.facts.core import barred
from nodes.facts.selectors.facts import profile_of
from nodes.ini_keys.services import fits, folded
from nodes.leases.claims import TAKEN_OVER, Claims, RowClaim, release
from nodes.leases.clock import later, now
from nodes.products.profile import Profile
from nodes.registry.selectors import primary_of
from nodes.secret import Secret
from nodes.shares.models import FolderKey, KeySearch
from nodes.validators import FieldErrors, clean_name, clean_path
from replication.shared_paths.core.keys import Candidate, Found, Typed
from replication.shared_paths.core.values import ROUTING
from replication.shared_paths.selectors.keys import found_of, id_of, labels_of, typed_of

SEARCHES = Claims(KeySearch, {"state": SearchState.RUNNING}, lease="beat_at", has_renewal=True)

OPEN = (SearchState.REQUESTED, SearchState.RUNNING)

WAITS_FOR_WORKER = 120.0
"""Seconds after which a search that no worker took fails."""

MOST_TYPED = 20
"""Places of one cluster that people named and nobody confirmed."""

MAX_SWITCH = 100
"""Characters of a switch's value."""

NO_CANDIDATE = Refused(
    "no_candidate",
    "Nothing was named, or not as it was found on the primary.",
    "Search again, or name the key, so that it is read; then choose from what is found.",
)

SEARCHING = Refused("searching", "The primary is being read.", "Wait until that is done, then try again.")


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """A key of a folder, or, with the role `routing`, the switch of multi-node mail routing."""

    role: str
    path: str
    section: str
    key: str

    @property
    def folded(self) -> str:
        """What identifies the key, whatever its spelling."""
        return folded(self.path, self.section, self.key)

    @property
    def id(self) -> str:
        """What names it on pages and over REST."""
        return id_of(self.role, self.folded)

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} of {self.path}"


@transaction.atomic
def ask_to_search(principal: Principal, *, cluster_id: int) -> KeySearch:
    """Have a worker read the primary's files for the keys of shared folders. Needs an operator. One that is under way
    is the one that is asked for. Raises Refused without a primary."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    row = _row(cluster)
    if row.state not in OPEN:
        _request(principal, cluster, row)
        text = f"Asked to find the keys of the shared folders of cluster {cluster.name} on its primary."
        record(principal, "folder_key.search", text, cluster=cluster, subject=Subject.of(cluster))
    return row


def read_again(cluster: Cluster) -> None:
    """Have the keys be read anew where somebody had them found: the primary's files say something else now. The sweep
    wakes a worker for it."""
    rows = KeySearch.objects.filter(cluster=cluster).exclude(state__in=OPEN)
    rows.update(state=SearchState.REQUESTED, requested_by=SYSTEM.name, requested_at=timezone.now(), ended_at=None)


@transaction.atomic
def type_key(principal: Principal, *, cluster_id: int, place: KeyPlace, on: str = "", off: str = "") -> KeySearch:
    """Name a place, to be read from the primary before anybody can confirm it. Needs an operator. Raises
    ValidationError by field, Refused, ProfileError."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    typed = replace(_checked(cluster, place, on, off), by=principal.name)
    place = _place(typed)
    _check_free(cluster, place)
    row = _row(cluster)
    if row.state == SearchState.RUNNING:
        raise SEARCHING
    others = [one for one in typed_of(row) if folded(one.path, one.section, one.key) != place.folded]
    if len(others) >= MOST_TYPED:
        text = f"{MOST_TYPED} places were named and are not confirmed, which is the most."
        raise Refused("too_many", text, "Confirm them, or take some back.")
    row.typed = [asdict(one) for one in (*others, typed)]
    _request(principal, cluster, row)
    data = {"role": place.role, "path": place.path, "section": place.section, "key": place.key}
    text = f"Named {place} as the key of {place.role} of cluster {cluster.name}; it is read from the primary first."
    record(principal, "folder_key.type", text, cluster=cluster, subject=Subject.of(cluster), data=data)
    return row


@transaction.atomic
def take_back(principal: Principal, *, cluster_id: int, key_id: str) -> None:
    """Forget a place that somebody named and nobody confirmed, by its `KeyPlace.id`. Needs an operator. Forgotten
    already is fine."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    row = KeySearch.objects.select_for_update().filter(cluster=cluster).first()
    for one in typed_of(row) if row is not None else ():
        place = _place(one)
        if row is not None and place.id == key_id and _forget(row, {place.folded}):
            text = f"Took back {place}, which was named as a key of cluster {cluster.name}."
            record(principal, "folder_key.take_back", text, cluster=cluster, subject=Subject.of(cluster))


@transaction.atomic
def confirm_keys(principal: Principal, *, cluster_id: int, ids: Collection[str]) -> list[FolderKey]:
    """Confirm keys as they were read from the primary, by `KeyPlace.id`; all of them, or none. Needs the cluster's
    administrator, as setting paths does. Raises Refused."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    row = KeySearch.objects.select_for_update().filter(cluster=cluster).first()
    found = found_of(row)
    primary = primary_of(cluster)
    if row is None or found is None or primary is None or found.node_id != primary.pk:
        raise Refused("not_read", "The primary's files were not read yet.", "Search them, then confirm what is found.")
    profile = profile_of(cluster)
    candidates = [one for one in found.candidates if _place(one).id in ids]
    if not ids or len(candidates) != len(set(ids)):
        raise NO_CANDIDATE
    confirmed = [_confirm(principal, cluster, profile, one) for one in candidates]
    _forget(row, {key.folded for key in confirmed})
    return confirmed


@transaction.atomic
def withdraw_key(principal: Principal, *, cluster_id: int, key_id: int) -> None:
    """Take a confirmation back; nothing is written to a server. Needs the cluster's administrator. Raises Http404."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    key = FolderKey.objects.filter(cluster=cluster, pk=key_id).first()
    if key is None:
        raise Http404("No such key.")
    data = {"role": key.role, "path": key.path, "section": key.section, "key": key.key}
    key.delete()
    text = f"Withdrew [{key.section}] {key.key} of {key.path} as the key of {key.role} of cluster {cluster.name}."
    record(principal, "folder_key.withdraw", text, cluster=cluster, subject=Subject.of(cluster), data=data)


def _place(one: Candidate | Typed) -> KeyPlace:
    return KeyPlace(one.role, one.path, one.section, one.key)


def _row(cluster: Cluster) -> KeySearch:
    """The cluster's search, locked, or a new one that is not saved yet."""
    row = KeySearch.objects.select_for_update().filter(cluster=cluster).first()
    return row or KeySearch(cluster=cluster, state=SearchState.SUCCEEDED)


def _request(principal: Principal, cluster: Cluster, row: KeySearch) -> None:
    if primary_of(cluster) is None:
        raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary.")
    row.state, row.error, row.done, row.total, row.ended_at = SearchState.REQUESTED, "", 0, 0, None
    row.requested_by, row.requested_at = principal.name, timezone.now()
    row.save()


def _checked(cluster: Cluster, place: KeyPlace, on: str, off: str) -> Typed:
    """Raises ValidationError by field."""
    checks = FieldErrors()
    roles = labels_of(cluster)
    if place.role not in roles:
        checks.complain("role", f"Use one of: {', '.join(roles)}.", code="invalid_choice")
    path = checks("path", clean_path, place.path)
    section, key = checks("section", clean_name, place.section), checks("key", clean_name, place.key)
    if checks.passed("path") and (why := barred(path, profile_of(cluster))):
        checks.complain("path", f"{why[0].upper()}{why[1:]}. Name another file, or set the path on the server by hand.")
    if checks.passed("path", "section", "key") and not fits(path, section, key):
        checks.complain("key", "The names of file, section and key are too long together.", code="max_length")
    if place.role == ROUTING:
        on, off = checks("on", _switch, on), checks("off", _switch, off)
        if checks.passed("on", "off") and on.casefold() == off.casefold():
            checks.complain("off", "Give two values that differ.")
    elif on or off:
        checks.complain("on", "Only the switch of routing has these values.")
    checks.finish()
    return Typed(place.role, path, section, key, on, off)


def _switch(text: str) -> str:
    clean = clean_name(text)
    if len(clean) > MAX_SWITCH or not clean.isprintable():
        raise ValidationError(f"Give one line of at most {MAX_SWITCH} characters.", code="max_length")
    return clean


def _check_free(cluster: Cluster, place: KeyPlace) -> None:
    """Raise Refused where another folder has the key already: one key holds one place."""
    other = FolderKey.objects.filter(cluster=cluster, folded=place.folded).exclude(role=place.role).first()
    if other is not None:
        raise Refused("taken", f"{place} is confirmed as the key of {other.role}.", "Withdraw it there first.")


def _confirm(principal: Principal, cluster: Cluster, profile: Profile, one: Candidate) -> FolderKey:
    place = _place(one)
    _check_free(cluster, place)
    if why := barred(one.path, profile):
        raise Refused("barred", f"{why[0].upper()}{why[1:]}.", "Set the path on the server by hand.")
    if one.role == ROUTING:
        _check_switch(cluster, place, one)
    elif not one.place:
        text = f"{place} holds no absolute path, so it is not known what is to be replaced there."
        raise Refused("no_place", text, "Set the folder on the server once, or name another key.")
    values = {name: getattr(one, name) for name in ("path", "section", "key", "below", "on", "off")} | {
        "role": one.role,
        "source": KeySource.TYPED if one.typed_by else KeySource.FOUND,
        "evidence": f"{one.shown}",
        "by": principal.name,
        "at": timezone.now(),
    }
    key, _ = FolderKey.objects.update_or_create(cluster=cluster, folded=place.folded, defaults=values)
    text = f"Confirmed {place} as the key of {one.role} of cluster {cluster.name}: line {one.line} is {one.shown}"
    data = {"role": one.role, "path": one.path, "section": one.section, "key": one.key, "source": values["source"]}
    record(principal, "folder_key.confirm", text, cluster=cluster, subject=Subject.of(cluster), data=data)
    return key


def _check_switch(cluster: Cluster, place: KeyPlace, one: Candidate) -> None:
    if not one.switched:
        text = f"{place} holds neither of the values that were named, {one.on} and {one.off}."
        raise Refused("not_the_switch", text, "Name it again with the values that the server writes there.")
    other = FolderKey.objects.filter(cluster=cluster, role=ROUTING).exclude(folded=place.folded).first()
    if other is not None:
        text = f"[{other.section}] {other.key} of {other.path} is confirmed as the switch of routing."
        raise Refused("one_switch", text, "Withdraw it first.")


def _forget(row: KeySearch, keys: set[str]) -> bool:
    """Drop places that people named; answers whether there were any."""
    typed = typed_of(row)
    left = [asdict(one) for one in typed if folded(one.path, one.section, one.key) not in keys]
    if len(left) == len(typed):
        return False
    row.typed = left
    row.save(update_fields=["typed"])
    return True


def claim_search(cluster_id: int, *, owner: str) -> RowClaim | None:
    """Take a cluster's search that waits for a worker; None where it is taken or gone."""
    rows = KeySearch.objects.filter(cluster=cluster_id, state=SearchState.REQUESTED)
    taken = SEARCHES.take(rows, owner=owner, limit=1)
    return taken[0][0] if taken else None


def finish_search(claim: RowClaim, found: Found, **columns: Any) -> None:
    """Keep what was found. Raises LeaseLost, having written nothing, where the search is no longer ours."""
    text = Secret(json.dumps(asdict(found)))
    release(claim, state=SearchState.SUCCEEDED, found=text, found_at=now(), ended_at=now(), **columns)


def fail_search(claim: RowClaim, why: str) -> None:
    """Write why nothing was found; what the last search found stands. Raises LeaseLost."""
    release(claim, state=SearchState.FAILED, error=why[:300], ended_at=now())


def give_back(claim: RowClaim) -> None:
    """Let another worker begin anew. Raises LeaseLost."""
    release(claim, state=SearchState.REQUESTED, done=0, total=0)


def sweep_searches() -> list[int]:
    """Fail what a dead worker left or no worker took. Answers the clusters whose search still waits for one."""
    if not KeySearch.objects.filter(state__in=OPEN).exists():
        return []  # an UPDATE of nothing takes the database's lock all the same
    text = "The worker that read the primary died. Search again; what was found before stands."
    SEARCHES.shorten()
    SEARCHES.expired().update(state=SearchState.FAILED, error=text, ended_at=now(), **TAKEN_OVER)
    text = "No worker took the search. See that a worker of the queue remote runs, then search again."
    waiting = KeySearch.objects.filter(state=SearchState.REQUESTED)
    waiting.filter(requested_at__lt=later(-WAITS_FOR_WORKER)).update(
        state=SearchState.FAILED, error=text, ended_at=now()
    )
    return list(waiting.values_list("cluster", flat=True))
