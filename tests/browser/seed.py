"""A portal with something to look at: two clusters, their nodes in every state, jobs in every state. For browser
tests and for looking at the pages; what it says of nodes is made up."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import Role, User
from accounts.principals import Principal
from nodes.checks.services.attestations import Word, attest, attest_step
from nodes.checks.services.checks import run_checks
from nodes.clusters.models import Cluster, PathOverride
from nodes.credentials.models import Credential
from nodes.credentials.services import Login, make_credential_key_pair, store_password
from nodes.enums import Health, HostKeyState, IniChoice, Joining, NodeRole, PlatformName, ReplicationMode
from nodes.facts.models import FeatureMemory, NodeFacts
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import HostKey, Node
from nodes.secret import Secret
from nodes.shares.services.paths import PathsChange, set_paths
from nodes.shares.services.reaching import Mount, ServerLogin, add_login, set_mount
from replication.configuration.models import Baseline, Conflict, Snapshot
from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    KeptKey,
    NodeFiles,
    PrimaryFiles,
    Wanted,
)
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import Brake, NodePlan, Plan
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.kinds import kind_named
from replication.jobs.models import (
    Job,
    JobEvent,
    ResourceLock,
    Target,
)
from replication.jobs.plan_store import store_plan
from replication.objects import default_store
from tests.browser.seed_shares import share
from tests.factories import make_cluster, make_member, make_node, make_user

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Seeded:
    """What tests go to."""

    user: User
    cluster: Cluster
    primary: Node
    quarantined: Node
    fresh: Node
    key: Credential
    running: Job
    awaiting: Job
    halted: Job
    failed: Job
    done: Job


def fingerprint(word: str) -> str:
    """A fingerprint of nothing."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(word.encode()).digest()).decode().rstrip("=")


def seed(name: str = "astrid") -> Seeded:
    """Fill an empty database."""
    user = make_user(name, portal_role=Role.ADMINISTRATOR)
    principal = Principal(user=user, via="console")
    cluster = make_cluster("mail-eu", description="Frankfurt and Vienna")
    key = make_credential_key_pair(principal, login=Login(cluster.pk, "portal key", "svc-portal"))
    store_password(
        principal, login=Login(cluster.pk, "old password", "MAIL\\backup"), password=Secret("not the real one")
    )
    nodes = [_node(cluster, key, number) for number in range(1, 6)]
    for node in nodes:
        attest(principal, node_id=node.pk, word=Word("cluster_service", "off", "looked at the dialog"))
    attest_step(principal, cluster_id=cluster.pk, step=15, note="haproxy")
    _other_cluster(principal)
    make_member(cluster, Role.OPERATOR, "night-shift")
    PathOverride.objects.create(
        cluster=cluster, pattern="App/Custom/**", path_class="config", note="our own add-on", created_by=name
    )
    _quarantine(nodes[3])
    nodes[4].host_keys.update(state=HostKeyState.SEEN, decided_by="", decided_at=None)
    snapshot = _snapshots(cluster, nodes[0])
    jobs = _jobs(cluster, nodes, snapshot, name)
    _switched_off(nodes[0], jobs[-1])
    _share(principal, cluster)
    share(cluster, nodes, name)
    run_checks(cluster.pk)
    return Seeded(user, cluster, nodes[0], nodes[3], nodes[4], key, *jobs)


def _node(cluster: Cluster, key: Credential, number: int) -> Node:
    health, cause = {
        3: (Health.DEGRADED, "The clock is 2.4 s ahead."),
        5: (Health.UNKNOWN, ""),
    }.get(number, (Health.OK, ""))
    node = make_node(
        cluster,
        f"eu-mx{number}",
        address=f"10.20.0.{9 + number}",
        port=22,
        platform=PlatformName.WINDOWS,
        role=NodeRole.PRIMARY if number == 1 else NodeRole.SECONDARY,
        install_root="C:\\MDaemon",
        credential=key,
        health=health,
        health_cause=cause,
        health_since=timezone.now() - timedelta(hours=number),
        reached_at=timezone.now(),
        compared_at=timezone.now(),
    )
    HostKey.objects.create(
        node=node,
        key_type="ssh-ed25519",
        public_key="AAAA",
        fingerprint=fingerprint(node.name),
        state=HostKeyState.APPROVED,
        decided_by="astrid",
        decided_at=timezone.now(),
    )
    if number != 5:
        _facts(node, number)
    if number in (2, 3):
        _ini_keys(node)
    return node


def _facts(node: Node, number: int) -> None:
    folder = {
        "role": "users",
        "label": "Mail folders",
        "path": "\\\\nas1\\mail\\Users",
        "default_path": "C:\\MDaemon\\Users",
        "section": "Directories",
        "key": "UserMailPath",
        "source": "discovered",
        "inside": "",
    }
    NodeFacts.objects.create(
        node=node,
        read_at=timezone.now() - timedelta(minutes=number),
        system="Microsoft Windows [Version 10.0.20348.2113]",
        host_name=node.name.upper(),
        product_version="25.5.2",
        version_source="log banner",
        time_zone="W. Europe Standard Time",
        clock_offset_ms=2412.7 if number == 3 else 3.1 * number,
        clock_uncertainty_ms=1.9,
        disk_total=200 * GIB,
        disk_free=(12 if number == 3 else 120) * GIB,
        folders=[
            folder,
            folder | {"role": "locks", "label": "Lock files", "path": "C:\\MDaemon\\LockFiles", "inside": "LockFiles"},
        ],
        errors={"disk": "The node denies access."} if number == 2 else {},
    )


def _ini_keys(node: Node) -> None:
    for section, key, answered in (("Registration", "RegKey", True), ("Domain", "HostName", False)):
        names = ("App/MDaemon.ini", section, key)
        IniDecision.objects.create(
            node=node,
            path=names[0],
            section=section,
            key=key,
            folded=folded(*names),
            choice=IniChoice.KEEP,
            answered=answered,
            decided_by="astrid" if answered else "",
        )


def _switched_off(primary: Node, job: Job) -> None:
    for domain in ("example.com", "lists.example.com"):
        FeatureMemory.objects.create(
            node=primary,
            feature="domain_binding",
            path="App/Domains.dat",
            section=domain,
            key="Bind",
            value=Secret("Yes"),
            off="No",
            switched_at=timezone.now(),
            job_number=job.pk,
        )


def _share(principal: Principal, cluster: Cluster) -> None:
    """Paths on a file server that one node reaches by a mount point; the portal has a login to it."""
    set_paths(principal, cluster_id=cluster.pk, change=PathsChange("common", "\\\\nas1\\mail"))
    password = Secret("not the real one")
    add_login(principal, cluster_id=cluster.pk, login=ServerLogin("nas1", "MAIL\\portal", password=password))
    node = make_node(cluster, "eu-mx6", joining=Joining.REGISTERED)
    attest(principal, node_id=node.pk, word=Word("cluster_service", "off", "looked at the dialog"))
    set_mount(principal, node_id=node.pk, mount=Mount("\\\\nas1\\mail", "/mnt/mail"))


def _quarantine(node: Node) -> None:
    node.quarantined_reason = "The node shows another host key than the approved one."
    node.health = Health.QUARANTINED
    node.save()
    HostKey.objects.create(
        node=node,
        key_type="ssh-ed25519",
        public_key="BBBB",
        fingerprint=fingerprint("another"),
        state=HostKeyState.SEEN,
    )


def _other_cluster(principal: Principal) -> None:
    cluster = make_cluster(
        "lab", replication_mode=ReplicationMode.NATIVE, paused=True, paused_reason="The lab moves on Saturday."
    )
    make_node(cluster, "lab-mx1", role=NodeRole.PRIMARY, health=Health.OK)
    make_node(cluster, "lab-mx2", health=Health.DOWN, health_cause="The node does not answer.")


def _snapshots(cluster: Cluster, primary: Node) -> Snapshot:
    found = {
        "problems": [["App/Locked.dat", "unreadable", "Failure"]],
        "unclassified": ["App/Add-on/settings.xml", "App/Übersicht 2026.txt"],
    }
    findings = default_store().put(json.dumps(found).encode())
    values = {"cluster": cluster, "node": primary, "root": "0" * 64, "files": 5012, "bytes": 46_312_004}
    Snapshot.objects.create(**values)
    return Snapshot.objects.create(**values, findings_object=findings, problem_count=1, unclassified_count=2)


def _plan(nodes: list[Node]) -> Plan:
    wanted, found = Wanted("a" * 64, 48_213, 0), Found("b" * 64, 48_100, 0)
    changes = (
        Change(ChangeKind.ADD, RelPath("App/Lists/all hands.mbx"), wanted, None, semaphore="LISTS.SEM"),
        Change(ChangeKind.UPDATE, RelPath("App/Userlist.dat"), wanted, found, semaphore="USERLIST.SEM", conflict=True),
        Change(ChangeKind.UPDATE, RelPath("App/MDaemon.ini"), wanted, found, effect="restart-server"),
        Change(ChangeKind.DELETE, RelPath("App/Lists/ünused.mbx"), None, found),
    )
    kept = (KeptKey(RelPath("App/MDaemon.ini"), "Domain", "HostName", False),)
    parts = tuple(
        NodePlan(
            node.pk,
            node.name,
            () if away else changes,
            NodeFiles(() if away else kept, (RelPath("App/only-here.txt"),)),
            away="The node does not answer." if away else "",
        )
        for node, away in ((nodes[1], False), (nodes[2], True))
    )
    problem = Problem("App/Locked.dat", "unreadable", "Failure")
    return Plan(parts, problems=(problem,), detail=PrimaryFiles("0" * 64, ("App/Add-on/settings.xml",)))


def _jobs(cluster: Cluster, nodes: list[Node], snapshot: Snapshot, name: str) -> list[Job]:
    plan = _plan(nodes)
    stored = store_plan(kind_named("replicate").codec, plan)
    shared = {
        "snapshot": snapshot,
        "plan_object": stored.object_id,
        "plan_digest": stored.digest,
        "plan_summary": {"changes": plan.step_count, "brakes": []},
        "planned_at": timezone.now(),
    }
    done = _job(cluster, JobState.SUCCEEDED, name, **shared)
    evidence = {"files_proven": 5012, "files_changed": 4, "semaphores_taken": ["LISTS.SEM"], "extras": 1}
    _targets(done, nodes[1:3], TargetState.VERIFIED, evidence=evidence | {"restart_pending": ["restart-server"]})
    Baseline.objects.create(
        node=nodes[1], snapshot=snapshot, root="0" * 64, job=done, proven_at=timezone.now(), files=5012
    )
    Conflict.objects.create(
        node=nodes[1], job=done, path="App/Userlist.dat", content="c" * 64, size=48_100, secret=True
    )
    failed = _job(cluster, JobState.FAILED, name, **shared)
    _targets(failed, nodes[1:2], TargetState.VERIFIED)
    _targets(failed, nodes[2:3], TargetState.FAILED, error_code="no_space", error="The node has no space left.")
    brake = Brake("primary_shrunk", nodes[0].name, "The primary lost 61 % of its files.", "Look at the primary first.")
    halted = _job(
        cluster,
        JobState.HALTED,
        name,
        **shared | {"plan_summary": {"brakes": [asdict(brake) | {"node": brake.node_name}]}},
        error_code=brake.code,
        error=f"{brake.evidence} {brake.remedy}",
    )
    awaiting = _job(cluster, JobState.AWAITING_APPROVAL, name, **shared)
    _targets(awaiting, nodes[1:3], TargetState.PENDING)
    running = _job(cluster, JobState.RUNNING, name, **shared, worked_since=timezone.now() - timedelta(seconds=30))
    _targets(running, nodes[1:2], TargetState.VERIFIED)
    _targets(running, nodes[2:3], TargetState.RUNNING, owner="worker-1@mail:4711", phase="sending App/Lists")
    ResourceLock.objects.create(resource=f"cluster:{cluster.pk}:config", job=running, taken_at=timezone.now())
    for level, text in (
        ("info", "Planned 8 changes."),
        ("warning", "eu-mx3 holds a file open."),
        ("error", "No space left."),
    ):
        JobEvent.objects.create(job=running, at=timezone.now(), level=level, code="seed", text=text)
    return [running, awaiting, halted, failed, done]


def _job(cluster: Cluster, state: JobState, name: str, **fields) -> Job:
    now = timezone.now()
    ended = {"ended_at": now, "ran": timedelta(seconds=40)} if state in (JobState.SUCCEEDED, JobState.FAILED) else {}
    job = Job.objects.create(
        cluster=cluster,
        kind="replicate",
        state=state,
        requester=name,
        started_at=now - timedelta(seconds=40),
        reason="new lists for the sales team",
        **ended,
        **fields,
    )
    JobEvent.objects.create(job=job, at=now, code="job.requested", text=f"{name} asked for a replication.")
    return job


def _targets(job: Job, nodes: list[Node], state: TargetState, **fields) -> None:
    total, done = 4, {TargetState.VERIFIED: 4, TargetState.PENDING: 0}.get(state, 1)
    started = timezone.now() - timedelta(seconds=30)
    ran = timezone.now() - started
    ended = {"ended_at": timezone.now(), "ran": ran} if state in (TargetState.VERIFIED, TargetState.FAILED) else {}
    for node in nodes:
        Target.objects.create(
            job=job,
            node=node,
            state=state,
            files_done=done,
            files_total=total,
            bytes_done=done * 48_213,
            bytes_total=total * 48_213,
            started_at=None if state == TargetState.PENDING else started,
            worked_since=started if state == TargetState.RUNNING else None,
            **ended,
            **fields,
        )
