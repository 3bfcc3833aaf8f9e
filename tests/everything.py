"""A portal with one of everything, and somebody in every part: for tests that go to every address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import AuditEvent, Role, User
from nodes.checks.models import Attestation
from nodes.clusters.models import Cluster, PathOverride
from nodes.credentials.models import Credential
from nodes.discovery.models import NetworkSearch
from nodes.registry.models import Node
from nodes.shares.models import FileServerLogin, FolderKey, MountPoint
from replication.configuration.models import Conflict, Snapshot
from replication.jobs.models import Job
from tests.browser.seed import seed
from tests.factories import make_cluster, make_member, make_node, make_token, make_user


@dataclass(frozen=True, slots=True)
class Everything:
    """`users` by their part; `token`: one of the portal's administrator that may view; `rows`: what an address names,
    by the word before its place, else by the place's name."""

    users: Mapping[str, User]
    token: str
    cluster: Cluster
    node: Node
    job: Job
    rows: Mapping[str, object]

    def value(self, folder: str, name: str) -> object:
        """What stands at a place of an address."""
        return self.rows.get(name) or self.rows[folder]


def make_everything() -> Everything:
    """Fill an empty database."""
    seeded = seed("portal")
    cluster, node = seeded.cluster, Node.objects.get(name="eu-mx2")
    abroad = make_cluster("abroad")
    make_node(abroad, "mx-abroad")
    users = {
        "stranger": make_user("stranger"),
        "elsewhere": make_member(abroad, Role.ADMINISTRATOR, "elsewhere"),
        "viewer": make_member(cluster, Role.VIEWER, "viewer"),
        "operator": make_member(cluster, Role.OPERATOR, "operator"),
        "administrator": make_member(cluster, Role.ADMINISTRATOR, "administrator"),
        "portal": seeded.user,
    }
    row, secret = make_token(seeded.user, Role.VIEWER)
    search = NetworkSearch.objects.create(
        cluster=cluster, networks=["127.0.0.0/30"], ssh_ports=[22], smtp_ports=[25], total=2, requested_by="portal"
    )
    named = {"path": "App/MDaemon.ini", "section": "Directories", "key": "Users", "folded": "x", "source": "typed"}
    key_of_users = FolderKey.objects.create(cluster=cluster, role="users", by="portal", at=timezone.now(), **named)
    key = "of-a-viewer"
    Session.objects.create(session_key=key, expire_date=timezone.now() + timedelta(hours=1))
    rows = {
        "clusters": cluster.pk,
        "nodes": node.pk,
        "jobs": seeded.awaiting.pk,
        "credentials": Credential.objects.filter(cluster=cluster, kind="key").get().pk,
        "users": users["viewer"].pk,
        "events": AuditEvent.objects.filter(cluster_id=cluster.pk).latest("pk").pk,
        "snapshots": Snapshot.objects.filter(cluster=cluster).latest("pk").pk,
        "conflicts": Conflict.objects.get().pk,
        "tokens": row.token_key,
        "members": users["viewer"].username,
        "path-classes": PathOverride.objects.get().pk,
        "searches": search.pk,
        "search": search.pk,
        "sessions": UserSession.objects.create(user=users["viewer"], session_key=key, ip="192.0.2.7").pk,
        "file-servers": FileServerLogin.objects.get().pk,
        "mount-points": MountPoint.objects.create(node=node, share=r"\\nas1\mail", folder="/mnt/mail").pk,
        "attestations": Attestation.objects.filter(node=node).latest("pk").subject,
        "features": "domain_binding",
        "setup": 15,
        "slug": "general",
        "keys": key_of_users.pk,
        "named": "0123456789abcdef",
        "word": "compare",
        "object_id": cluster.pk,
        "content_type_id": 1,
        "app_label": "nodes",
        "url": "nowhere",
    }
    return Everything(users, secret, cluster, node, seeded.awaiting, rows)


def bodies(world: Everything) -> dict[str, dict[str, object]]:
    """What REST takes where it wants something, by name of the URL: so that it refuses roles, and not the body."""
    login = {"cluster": world.cluster.pk, "name": "new", "username": "svc"}
    place: dict[str, object] = {"role": "users", "path": "App/MDaemon.ini", "section": "Directories", "key": "Mail"}
    fingerprint: dict[str, object] = {"fingerprint": world.node.host_keys.get().fingerprint}
    return {
        "api-token-list": {"name": "new"},
        "api-user-list": {"username": "somebody.new"},
        "api-second-factor-policy": {"demanded_of": "nobody"},
        "api-cluster-list": {"name": "new", "replication_mode": "portal"},
        "api-cluster-path-classes": {"pattern": "App/New/**", "path_class": "config"},
        "api-cluster-member": {"role": "viewer"},
        "api-credential-list": login | {"kind": "password", "password": "not a real one"},
        "api-credential-key-pair": login,
        "api-node-list": {
            "cluster": world.cluster.pk,
            "name": "new",
            "address": "192.0.2.99",
            "platform": "posix",
            "install_root": "/opt/mail",
        },
        "api-node-answer-ini-key": {
            "path": "App/MDaemon.ini",
            "section": "Domain",
            "key": "HostName",
            "choice": "keep",
        },
        "api-node-password": fingerprint | {"address": "192.0.2.1", "port": 22, "password": "not a real one"},
        "api-node-approve-host-key": fingerprint,
        "api-node-give-host-key": fingerprint,
        "api-node-revoke-host-key": fingerprint,
        "api-feature": {"path": "App/MDaemon.ini", "section": "Links", "key": "On", "off": "No"},
        "api-attestations": {"subject": "cluster_service", "value": "off"},
        "api-searches": {"networks": ["127.0.0.0/30"]},
        "api-registration": {"registration_key": "AAAA-BBBB"},
        "api-job-list": {"cluster": world.cluster.pk, "kind": "replicate", "nodes": []},
        "api-job-approve": {"digest": world.job.plan_digest},
        "api-job-override": {"codes": ["primary_shrunk"], "reason": "seen"},
        "api-shared-paths": {"mode": "common", "common": r"\\fs1\mail"},
        "api-file-servers": {"server": "fs2", "username": "portal", "password": "not a real one"},
        "api-file-server": {"username": "other"},
        "api-mount-points": {"share": r"\\fs1\mail", "folder": "/mnt/mail"},
        "api-write-stop": {"stopped": True, "reason": "seen"},
        "api-shared-keys": {"keys": [place]},
        "api-shared-keys-named": place,
        "api-watch": {"enabled": True},
        "api-clustering": {"enabled": True},
        "api-routing": {"enabled": False, "queues": r"\\files\mail\Queues"},
        "api-join": {"confirm_name": world.node.name},
        "api-leave": {"confirm_name": world.node.name},
    }
