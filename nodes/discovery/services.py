"""Searches of networks: asked for by people, done by one worker at a time, never left hanging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require, take_cluster
from nodes.discovery.models import NetworkSearch, SearchHit
from nodes.discovery.networks import addresses_in, parse_networks
from nodes.enums import SearchState
from nodes.leases.claims import TAKEN_OVER, Claims, RowClaim, holding, release
from nodes.leases.clock import later, now
from nodes.validators import FieldErrors, port

SEARCHES = Claims(NetworkSearch, {"state": SearchState.RUNNING}, lease="beat_at", has_renewal=True)

OPEN = (SearchState.REQUESTED, SearchState.RUNNING)
MOST_PORTS = 4
SSH_PORTS = (22,)
SMTP_PORTS = (25,)

WAITS_FOR_WORKER = 120.0
"""Seconds after which a search that no worker took fails."""


@dataclass(frozen=True, slots=True)
class NewSearch:
    """A search to be made: networks as address/bits, and the ports on which SSH and SMTP are expected."""

    cluster_id: int
    networks: tuple[str, ...]
    ssh_ports: tuple[int, ...] = SSH_PORTS
    smtp_ports: tuple[int, ...] = SMTP_PORTS


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that answered. `services`: (port, protocol, banner) of each that did."""

    address: str
    services: tuple[tuple[int, str, str], ...]
    host_name: str = ""
    product: bool = False
    version: str = ""


def start_search(principal: Principal, *, new: NewSearch) -> NetworkSearch:
    """Ask for a search. Needs the cluster's administrator, as registering what it finds does. Raises ValidationError by
    field, and Refused while another search of the cluster is under way."""
    checks = FieldErrors()
    networks = checks("networks", _networks, new.networks)
    ssh, smtp = checks("ssh_ports", _ports, new.ssh_ports), checks("smtp_ports", _ports, new.smtp_ports)
    require(principal, new.cluster_id, Role.ADMINISTRATOR)
    checks.finish()
    try:
        with transaction.atomic():
            cluster = take_cluster(principal, new.cluster_id, Role.ADMINISTRATOR)
            search = NetworkSearch.objects.create(
                cluster=cluster,
                networks=list(networks),
                ssh_ports=list(ssh),
                smtp_ports=list(smtp),
                total=len(addresses_in(parse_networks(networks))),
                requested_by=principal.name,
            )
            text = f"Asked to search {', '.join(networks)} for servers."
            data = {"networks": list(networks), "ssh_ports": list(ssh), "smtp_ports": list(smtp)}
            record(principal, "network.search", text, cluster=cluster, subject=Subject.of(search), data=data)
    except IntegrityError:
        raise Refused("searching", "A search of this cluster is under way.", "Wait for it, or cancel it.") from None
    return search


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(network) for network in parse_networks(texts))


def _ports(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if not 1 <= len(numbers) <= MOST_PORTS:
        raise ValidationError(f"Give 1 to {MOST_PORTS} ports.")
    return tuple(dict.fromkeys(port(number) for number in numbers))


@transaction.atomic
def cancel_search(principal: Principal, *, search_id: int) -> NetworkSearch:
    """End a search; its worker stops within a second. Ended already is fine. Raises Http404, PermissionDenied."""
    search = NetworkSearch.objects.select_for_update().filter(pk=search_id).first()
    if search is None:
        raise Http404("No such search.")
    require(principal, search.cluster_id, Role.ADMINISTRATOR)
    if search.state in OPEN:
        search.state, search.cancelled_by, search.ended_at = SearchState.CANCELLED, principal.name, timezone.now()
        search.save(update_fields=["state", "cancelled_by", "ended_at"])
        text = f"Cancelled the {search}."
        record(principal, "network.cancel", text, cluster=search.cluster, subject=Subject.of(search))
    return search


def claim_search(search_id: int, *, owner: str) -> RowClaim | None:
    """Take a search that waits for a worker; None where it is taken, cancelled or gone."""
    rows = NetworkSearch.objects.filter(pk=search_id, state=SearchState.REQUESTED)
    taken = SEARCHES.take(rows, owner=owner, limit=1, started_at=now())
    return taken[0][0] if taken else None


def hit_of(search_id: int, found: FoundServer) -> SearchHit:
    """The row of a server that answered."""
    services = [{"port": number, "protocol": protocol, "banner": banner} for number, protocol, banner in found.services]
    return SearchHit(
        search_id=search_id,
        address=found.address,
        services=services,
        host_name=found.host_name,
        product=found.product,
        version=found.version[:60],
    )


def finish_search(claim: RowClaim, *, error: str = "", hits: Sequence[FoundServer] = (), **columns: Any) -> None:
    """Write that the search is through, or why it failed, with what was found and counted last. Raises LeaseLost,
    having written nothing, where it is no longer ours."""
    state = SearchState.FAILED if error else SearchState.SUCCEEDED
    with holding(claim):
        SearchHit.objects.bulk_create(hit_of(claim.pk, hit) for hit in hits)
        release(claim, state=state, error=error[:300], ended_at=now(), **columns)


def sweep_searches() -> list[int]:
    """Fail what a dead worker left or no worker took. Answers the searches that still wait for a worker."""
    if not NetworkSearch.objects.filter(state__in=OPEN).exists():
        return []  # an UPDATE of nothing takes the database's lock all the same
    text = "The worker that searched died. Start the search again; what was found until then stays."
    SEARCHES.shorten()
    SEARCHES.expired().update(state=SearchState.FAILED, error=text, ended_at=now(), **TAKEN_OVER)
    text = "No worker took the search. See that a worker of the queue remote runs, then start it again."
    waiting = NetworkSearch.objects.filter(state=SearchState.REQUESTED)
    old = waiting.filter(created_at__lt=later(-WAITS_FOR_WORKER))
    old.update(state=SearchState.FAILED, error=text, ended_at=now())
    return list(waiting.values_list("pk", flat=True))
