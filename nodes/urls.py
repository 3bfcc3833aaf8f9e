"""Console pages of this room; mounted at the root. Pages that also show jobs live in `replication.urls`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from nodes.views import cluster_parts, clusters, credentials, guards, node_parts, nodes, theme

app_name = "nodes"
urlpatterns: list[URLPattern | URLResolver] = [
    path("theme/", theme.choose_theme, name="theme"),
    path("clusters/", clusters.ClusterList.as_view(), name="cluster-list"),
    path("clusters/new/", clusters.create, name="cluster-create"),
    path("clusters/<int:pk>/edit/", clusters.edit, name="cluster-edit"),
    path("clusters/<int:pk>/delete/", clusters.delete, name="cluster-delete"),
    path("clusters/<int:pk>/pause/", clusters.pause, name="cluster-pause"),
    path("clusters/<int:pk>/path-classes/", cluster_parts.set_path_class, name="path-class-set"),
    path(
        "clusters/<int:pk>/path-classes/<int:override>/clear/", cluster_parts.clear_path_class, name="path-class-clear"
    ),
    path("clusters/<int:pk>/members/", cluster_parts.set_member, name="member-set"),
    path("clusters/<int:pk>/members/remove/", cluster_parts.remove_member, name="member-remove"),
    path("clusters/<int:pk>/nodes/new/", nodes.create, name="node-create"),
    path("clusters/<int:pk>/credentials/password/", credentials.add_password, name="credential-password"),
    path("clusters/<int:pk>/credentials/key/", credentials.add_key, name="credential-key"),
    path("clusters/<int:pk>/credentials/pair/", credentials.make_pair, name="credential-pair"),
    path("clusters/<int:pk>/checks/", guards.checks, name="checks"),
    path("clusters/<int:pk>/checks/run/", guards.run_checks, name="checks-run"),
    path("clusters/<int:pk>/features/<slug:code>/", guards.feature, name="feature"),
    path("clusters/<int:pk>/log/", guards.log, name="cluster-log"),
    path("clusters/<int:pk>/log/live/", guards.live_log, name="cluster-log-live"),
    path("clusters/<int:pk>/log/download/", guards.download_log, name="cluster-log-download"),
    path("nodes/<int:pk>/attest/", guards.attest, name="attest"),
    path("nodes/<int:pk>/attest/withdraw/", guards.withdraw, name="attest-withdraw"),
    path("nodes/<int:pk>/registration/", guards.register_key, name="registration-set"),
    path("nodes/", nodes.NodeList.as_view(), name="node-list"),
    path("nodes/new/", nodes.choose_cluster, name="node-new"),
    path("nodes/<int:pk>/edit/", nodes.edit, name="node-edit"),
    path("nodes/<int:pk>/pause/", nodes.pause, name="node-pause"),
    path("nodes/<int:pk>/resume/", nodes.resume, name="node-resume"),
    path("nodes/<int:pk>/remove/", nodes.remove, name="node-remove"),
    path("nodes/<int:pk>/host-key/approve/", node_parts.approve_host_key, name="host-key-approve"),
    path("nodes/<int:pk>/host-key/give/", node_parts.give_fingerprint, name="host-key-give"),
    path("nodes/<int:pk>/host-key/revoke/", node_parts.revoke_host_key, name="host-key-revoke"),
    path("nodes/<int:pk>/host-key/read/", node_parts.read_host_key, name="host-key-read"),
    path("nodes/<int:pk>/facts/read/", node_parts.read_facts, name="facts-read"),
    path("nodes/<int:pk>/scripts/bring/", node_parts.bring_scripts, name="scripts-bring"),
    path("nodes/<int:pk>/scripts/remove/", node_parts.remove_scripts, name="scripts-remove"),
    path("nodes/<int:pk>/ini-keys/", node_parts.answer_ini_key, name="ini-key-answer"),
    path("credentials/", credentials.CredentialList.as_view(), name="credential-list"),
    path("credentials/<int:pk>/", credentials.detail, name="credential"),
    path("credentials/<int:pk>/edit/", credentials.edit, name="credential-edit"),
    path("credentials/<int:pk>/remove/", credentials.remove, name="credential-remove"),
]
