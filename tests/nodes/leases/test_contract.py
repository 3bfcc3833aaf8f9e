"""What holds for every row that is claimed, whichever model it is of: jobs to be planned, targets, looks, searches."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as real
from django.db import OperationalError

from nodes.clusters.models import Cluster
from nodes.discovery.models import NetworkSearch
from nodes.discovery.services import SEARCHES, claim_search, sweep_searches
from nodes.enums import SearchState
from nodes.leases import claims
from nodes.leases import lease as leases
from nodes.leases.claims import Claims, Renewal, RowClaim, holding, release, renew
from nodes.leases.errors import LeaseLost
from nodes.leases.lease import Lease, LeaseKeeper
from replication.jobs import wake
from replication.jobs.core.states import JobState
from replication.jobs.models import Job, Target
from replication.jobs.services.claims import (
    DRIVING,
    PLANNING,
    claim_job,
    claim_targets,
)
from replication.jobs.services.recovery import sweep
from replication.watch.models import Watch
from replication.watch.services import LOOKS, claim_looks
from tests.factories import make_cluster, make_node
from tests.threads import both

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, OPERATION, RENEW = 20.0, 10.0, 5.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of claimed rows. `taken_over`: do what takes over, and answer whether it did."""

    claims: Claims[Any]
    make: Callable[[Cluster], Any]
    claim: Callable[[Any, str], RowClaim | None]
    taken_over: Callable[[Any], bool]


def _job(cluster: Cluster, state: JobState = JobState.REQUESTED) -> Job:
    return Job.objects.create(kind="toy", cluster=cluster, requester="system", state=state)


def _target(cluster: Cluster) -> Target:
    return Target.objects.create(job=_job(cluster, JobState.RUNNING), node=make_node(cluster))


def _claim_target(row: Target, owner: str) -> RowClaim | None:
    claims = [claim for claim, _ in claim_targets(row.job, 1, owner=owner, resources=("r",))]
    return claims[0] if claims else None


def _claim_look(row: Watch, owner: str) -> RowClaim | None:
    looks = claim_looks(owner, limit=1)
    return looks[0].claim if looks else None


def _search(cluster: Cluster) -> NetworkSearch:
    ports: dict[str, Any] = {"ssh_ports": [22], "smtp_ports": [25]}
    return NetworkSearch.objects.create(cluster=cluster, networks=["127.0.0.1/32"], total=1, **ports)


def _search_taken_over(row: NetworkSearch) -> bool:
    sweep_searches()
    return NetworkSearch.objects.get(pk=row.pk).state == SearchState.FAILED


KINDS = {
    "job": Kind(
        PLANNING,
        _job,
        lambda row, owner: claim_job(row.pk, owner=owner, resources=("r",)),
        lambda _: sweep().jobs_taken_over == 1,
    ),
    "target": Kind(DRIVING, _target, _claim_target, lambda _: sweep().targets_taken_over == 1),
    "look": Kind(
        LOOKS,
        lambda cluster: Watch.objects.create(cluster=cluster),
        _claim_look,
        lambda row: _claim_look(row, "next") is not None,
    ),
    "search": Kind(SEARCHES, _search, lambda row, owner: claim_search(row.pk, owner=owner), _search_taken_over),
}


@dataclass(slots=True)
class Subject:
    """A row of one kind, what can be done with it, and the clock of its worker."""

    kind: Kind
    row: Any
    ahead: float = 0.0

    def monotonic(self) -> float:
        """The worker's own clock."""
        return time.monotonic() + self.ahead

    def held(self, owner: str = "one") -> RowClaim:
        claim = self.kind.claim(self.row, owner)
        assert claim is not None
        return claim

    def taken_over(self) -> bool:
        return self.kind.taken_over(self.row)

    def passed(self, seconds: float) -> None:
        """Let so much time pass, by the worker's clock and by the database's."""
        self.ahead += seconds
        moment = self.lease() - timedelta(seconds=seconds)
        self.kind.claims.model.objects.filter(pk=self.row.pk).update(**{self.kind.claims.lease: moment})

    def now(self) -> Any:
        return self.kind.claims.model.objects.get(pk=self.row.pk)

    def lease(self) -> Any:
        return getattr(self.now(), self.kind.claims.lease)


def kept(lease: Lease[Any]) -> None:
    """One turn of a keeper."""
    keeper = LeaseKeeper[Lease[Any]]()
    keeper.add(lease)
    keeper.tick()


@pytest.fixture(autouse=True)
def _numbers(settings, monkeypatch) -> None:
    monkeypatch.setattr(wake, "_send", lambda *_: None)
    settings.PORTAL = replace(real.PORTAL, lease=LEASE, operation=OPERATION, renew=RENEW)


@pytest.fixture(params=KINDS)
def subject(request, transactional_db, monkeypatch) -> Subject:
    kind = KINDS[request.param]
    made = Subject(kind, kind.make(make_cluster()))
    for module in (claims, leases):
        monkeypatch.setattr(module, "time", made)
    return made


def test_of_two_claimers_at_once_one_gets_it(subject):
    claims = both(lambda: subject.kind.claim(subject.row, "w"))
    assert sorted(claim is None for claim in claims) == [False, True]
    assert (subject.now().fence, subject.now().owner) == (1, "w")


def test_what_is_claimed_is_not_claimed_again(subject):
    claim, before = subject.held("one"), time.monotonic()
    assert subject.kind.claim(subject.row, "two") is None
    assert (subject.now().owner, subject.now().fence, claim.fence) == ("one", 1, 1)
    assert claim.expires <= before + LEASE


def test_a_takeover_waits_for_the_lease_and_one_operation(subject):
    subject.held()
    assert not subject.taken_over()
    subject.passed(LEASE + OPERATION - 2.0)
    assert not subject.taken_over()
    subject.passed(4.0)
    assert subject.taken_over()
    assert subject.now().fence == 2


# a watch's row says when its times were set; tests/replication/watch has that
@pytest.mark.parametrize("subject", sorted(KINDS.keys() - {"look"}), indirect=True)
def test_a_takeover_waits_no_longer_where_the_clock_was_set_back(subject):
    claim = subject.held()
    subject.passed(-7200.0)
    assert not subject.taken_over()
    held = renew([Renewal(claim)])
    assert claim.key in held
    subject.passed(-7200.0)
    assert not subject.taken_over()
    subject.passed(LEASE + OPERATION + 1.0)
    assert subject.taken_over()


def test_what_an_old_owner_writes_is_void(subject):
    old = subject.held("old")
    subject.passed(LEASE + OPERATION + 1.0)
    assert subject.taken_over()
    before = subject.now()
    assert renew([Renewal(old, {"owner": "late"})]) == {}
    with pytest.raises(LeaseLost), holding(old):
        pytest.fail("held")
    with pytest.raises(LeaseLost):
        release(old)
    after = subject.now()
    assert (after.owner, after.fence, subject.lease()) == (before.owner, 2, getattr(before, subject.kind.claims.lease))


def test_a_renewal_makes_the_lease_as_long_as_at_first(subject):
    claim = subject.held()
    subject.passed(LEASE + OPERATION - 1.0)
    before = time.monotonic()
    held = renew([Renewal(claim)])
    assert held[claim.key] >= before + LEASE
    subject.passed(LEASE + OPERATION - 2.0)
    assert not subject.taken_over()
    subject.passed(4.0)
    assert subject.taken_over()


def test_what_was_given_back_is_not_renewed(subject):
    claim = subject.held()
    release(claim)
    assert renew([Renewal(claim)]) == {}
    assert (subject.now().owner, subject.lease()) == ("", None)


def test_a_worker_that_hangs_is_not_renewed(subject):
    lease = Lease[Any](subject.held())
    lease.check()
    subject.passed(OPERATION - 1.0)
    kept(lease)  # renewed once more, for it had made progress
    for _ in range(2 * int(OPERATION) - 2):
        subject.passed(1.0)
        kept(lease)
    with pytest.raises(LeaseLost, match="could end"):
        lease.check()
    assert not subject.taken_over()
    subject.passed(OPERATION + 3.0)
    kept(lease)
    assert subject.taken_over()


@pytest.mark.parametrize("act", [Lease.check, Lease.sign_of_life, Lease.report])
def test_progress_is_renewed_for_as_long_as_it_is_made(subject, act):
    lease = Lease[Any](subject.held())
    for _ in range(10):
        act(lease)
        subject.passed(RENEW)
        kept(lease)
    lease.check()
    assert not subject.taken_over()
    assert subject.now().fence == 1


def test_a_lost_lease_stops_its_worker(subject):
    lease = Lease[Any](subject.held(), report_every=0.0)
    subject.passed(LEASE + OPERATION + 1.0)
    assert subject.taken_over()
    subject.ahead = 0.0  # a clock that stood still with its machine does not tell
    lease.report(owner="late")
    kept(lease)
    with pytest.raises(LeaseLost, match="took over"):
        lease.check()
    assert subject.now().owner != "late"


def test_what_could_not_be_written_waits_for_the_database(subject, monkeypatch):
    lease = Lease[Any](subject.held(), report_every=0.0)
    lease.report(owner="still me")

    def away(_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(leases, "renew", away)
        kept(lease)
    assert subject.now().owner == "one"
    kept(lease)
    assert subject.now().owner == "still me"
