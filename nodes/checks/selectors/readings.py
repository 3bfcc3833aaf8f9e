"""What is known of a cluster, as the checks want it. Digests of registration keys stay in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from nodes.checks.core.readings import (
    ClusterReading,
    FeatureReading,
    FolderTest,
    KeptFolder,
    NodeReading,
    QueuesRead,
    RunsAs,
    Said,
    Waiting,
)
from nodes.checks.models import Attestation, RegistrationSeal
from nodes.clusters.models import Cluster
from nodes.enums import OUTSIDE, AttestedSubject, CredentialKind, Health, NodeRole, PlatformName, ReplicationMode
from nodes.facts.core import FeatureSetting, ShareAccess
from nodes.facts.models import NodeFacts
from nodes.facts.selectors.facts import features_of, profile_of
from nodes.platforms.unc import UncPath
from nodes.products.errors import ProfileError
from nodes.products.folders import folders_from
from nodes.products.profile import Profile
from nodes.queues.models import QueueCount, QueueReading
from nodes.registry.models import Node
from nodes.shares.core.layout import effective
from nodes.shares.models import ShareCell
from nodes.shares.selectors.layout import layout_of
from nodes.typed_json import TypedJson
from nodes.vault import WrongKey

_SETTINGS: TypedJson[tuple[FeatureSetting, ...]] = TypedJson(tuple[FeatureSetting, ...])
_SHARES: TypedJson[tuple[ShareAccess, ...]] = TypedJson(tuple[ShareAccess, ...])

STALE_FACTOR = 3
"""Facts that missed so many of their regular readings count as not known."""


def cluster_reading(cluster: Cluster) -> ClusterReading:
    """Everything the checks are judged from, in a fixed number of queries."""
    profile = _profile(cluster)
    nodes = list(
        Node.objects.filter(cluster=cluster)
        .select_related("facts", "credential", "queue_reading")
        .prefetch_related("attestations", "mount_points", "share_cells", "queue_reading__counts")
    )
    layout = layout_of(cluster)
    digests = _digests(cluster)
    features = features_of(cluster, profile) if profile else ()
    native = cluster.replication_mode == ReplicationMode.NATIVE
    return ClusterReading(
        native=native,
        enabled=native or cluster.acts_as_one,
        nodes=tuple(node_reading(node, digests.get(node.pk, "")).with_facts(**_shared(node)) for node in nodes),
        features=tuple(FeatureReading(rule.code, rule.label, bool(rule.key), rule.note) for rule in features),
        stale_after=STALE_FACTOR * settings.PORTAL.observe,
        clock_limit=profile.clock_limit_seconds if profile else 300.0,
        places=effective(layout, profile.folders) if profile else (),
        routing=layout.routing,
        routing_since=profile.routing_since if profile else "",
        portal_tests=tuple(_test(cell) for cell in ShareCell.objects.filter(cluster=cluster, node=None)),
    )


def _profile(cluster: Cluster) -> Profile | None:
    try:
        return profile_of(cluster)
    except ProfileError:
        return None


def _digests(cluster: Cluster) -> dict[int, str]:
    try:
        return {row.node_id: row.digest.reveal() for row in RegistrationSeal.objects.filter(node__cluster=cluster)}
    except WrongKey:
        return {}


def service_readings(cluster: Cluster) -> list[NodeReading]:
    """The nodes by what tells whether their own cluster service is on, in two queries; of all else nothing is read."""
    rows = Attestation.objects.filter(node__cluster=cluster, subject=AttestedSubject.CLUSTER_SERVICE)
    said = {row.node_id: row for row in rows}
    nodes = Node.objects.filter(cluster=cluster).values_list("pk", "name", "facts__own_log")
    return [
        NodeReading(
            name=name, service=_said(said.get(pk)), own_log=own_log or {}, new_log=_newer(own_log or {}, said.get(pk))
        )
        for pk, name, own_log in nodes
    ]


def node_reading(node: Node, registration: str = "") -> NodeReading:
    """One node by itself, without its shared folders; its facts and attestations should have been fetched with it."""
    facts: NodeFacts | None = getattr(node, "facts", None)
    said = {row.subject: row for row in node.attestations.all()}
    own_log = dict(facts.own_log) if facts else {}
    service, part = said.get(AttestedSubject.CLUSTER_SERVICE), said.get(AttestedSubject.PART)
    reading = NodeReading(
        name=node.name,
        primary=node.role == NodeRole.PRIMARY,
        windows=node.platform == PlatformName.WINDOWS,
        registration=registration,
        service=_said(service),
        part=_said(part),
        account=_said(said.get(AttestedSubject.SERVICE_ACCOUNT)),
        own_log=own_log,
        new_log=_newer(own_log, service),
        new_part_log=_newer(own_log, part),
        host_names=_names(node, facts),
        key_login=node.credential is not None and node.credential.kind == CredentialKind.KEY,
        away=node.health == Health.DOWN,
        outside=node.role == NodeRole.SECONDARY and node.joining in OUTSIDE,
    )
    return reading if facts is None else reading.with_facts(**_facts(facts))


def _facts(facts: NodeFacts) -> dict[str, object]:
    offset = facts.clock_offset_ms
    return {
        "age": (timezone.now() - (facts.measured_at or facts.read_at)).total_seconds(),
        "version": facts.product_version,
        "time_zone": facts.time_zone,
        "clock_offset": None if offset is None else offset / 1000,
        "clock_uncertainty": (facts.clock_uncertainty_ms or 0.0) / 1000,
        "peer_address": facts.peer_address,
        "disk_free": facts.disk_free,
        "disk_total": facts.disk_total,
        "switches": _SETTINGS.convert(facts.switches),
        "services": tuple(RunsAs(one["shown_name"], one["account"], one["name"]) for one in facts.services),
        "kept": tuple(KeptFolder(one.role, one.path, bool(one.key)) for one in folders_from(facts.folders)),
        "reaches": _SHARES.convert(facts.reaches),
    }


def _shared(node: Node) -> dict[str, object]:
    """What is known of a node's shared folders and queues; all was fetched with it."""
    words = [row for row in node.attestations.all() if row.subject == AttestedSubject.SERVICE_ACCOUNT]
    return {
        "mounts": {UncPath.parse(mount.share): mount.folder for mount in node.mount_points.all()},
        "tests": tuple(_test(cell, *words) for cell in node.share_cells.all()),
        "queues": _queues(getattr(node, "queue_reading", None)),
    }


def _test(cell: ShareCell, account: Attestation | None = None) -> FolderTest:
    return FolderTest(
        role=cell.role,
        path=cell.path,
        state=cell.state,
        age=(timezone.now() - cell.tested_at).total_seconds(),
        reason=cell.reason,
        text=cell.text,
        login=cell.login,
        as_service=cell.is_service_account,
        after_word=account is None or cell.tested_at > account.at,
        clock_offset=cell.clock_offset,
    )


def _queues(row: QueueReading | None) -> QueuesRead | None:
    if row is None:
        return None
    counts = list(row.counts.all())
    return QueuesRead(
        place=row.place,
        shared=row.shared,
        age=None if row.read_at is None else (timezone.now() - row.read_at).total_seconds(),
        waiting=_waiting([count for count in counts if not count.left]),
        left_place=row.left_place,
        left=_waiting([count for count in counts if count.left]),
        error=row.error,
    )


def _waiting(counts: Sequence[QueueCount]) -> Waiting:
    oldest = min((count.oldest_at for count in counts if count.messages and count.oldest_at), default=None)
    age = None if oldest is None else (timezone.now() - oldest).total_seconds()
    return Waiting(sum(count.messages for count in counts), age)


def _said(row: Attestation | None) -> Said | None:
    return None if row is None else Said(row.value, row.by, _day(row.at))


def _day(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def _newer(own_log: Mapping[str, str], word: Attestation | None) -> dict[str, str]:
    """The lines that were not there yet when the word was given."""
    basis = word.basis if word else {}
    return {code: line for code, line in own_log.items() if basis.get(code) != line}


def _names(node: Node, facts: NodeFacts | None) -> frozenset[str]:
    names = [node.name, node.address, *([facts.host_name] if facts and facts.host_name else [])]
    folded = [name.casefold() for name in names]
    return frozenset([*folded, *(name.partition(".")[0] for name in folded)])
