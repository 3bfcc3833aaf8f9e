"""Console pages of this room; mounted at the root. Pages that also show jobs live in `replication.urls`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from nodes.checks import views as checks_views
from nodes.cluster_log import views as cluster_log_views
from nodes.clusters import settings_views as cluster_settings
from nodes.clusters import views as clusters_views
from nodes.credentials import views as credentials_views
from nodes.facts import views as facts_views
from nodes.ini_keys import views as ini_keys_views
from nodes.registry import settings_views as node_settings
from nodes.registry.views import clusters, host_keys, nodes
from nodes.web import theme

app_name = "nodes"
urlpatterns: list[URLPattern | URLResolver] = [
    path("theme/", theme.choose_theme, name="theme"),
    path("clusters/", clusters.ClusterList.as_view(), name="cluster-list"),
    path("clusters/new/", clusters_views.create, name="cluster-create"),
    path("clusters/<int:pk>/settings/", cluster_settings.settings, name="cluster-settings"),
    path("clusters/<int:pk>/settings/<slug:slug>/", cluster_settings.settings, name="cluster-settings-panel"),
    path("clusters/<int:pk>/edit/", clusters_views.edit, name="cluster-edit"),
    path("clusters/<int:pk>/delete/", clusters_views.delete, name="cluster-delete"),
    path("clusters/<int:pk>/pause/", clusters_views.pause, name="cluster-pause"),
    path("clusters/<int:pk>/path-classes/", clusters_views.set_path_class, name="path-class-set"),
    path(
        "clusters/<int:pk>/path-classes/<int:override>/clear/", clusters_views.clear_path_class, name="path-class-clear"
    ),
    path("clusters/<int:pk>/members/", clusters_views.set_member, name="member-set"),
    path("clusters/<int:pk>/members/remove/", clusters_views.remove_member, name="member-remove"),
    path("clusters/<int:pk>/nodes/new/", nodes.create, name="node-create"),
    path("clusters/<int:pk>/credentials/password/", credentials_views.add_password, name="credential-password"),
    path("clusters/<int:pk>/credentials/key/", credentials_views.add_key, name="credential-key"),
    path("clusters/<int:pk>/credentials/pair/", credentials_views.make_pair, name="credential-pair"),
    path("clusters/<int:pk>/checks/", checks_views.checks, name="checks"),
    path("clusters/<int:pk>/checks/run/", checks_views.run_checks, name="checks-run"),
    path("clusters/<int:pk>/features/<slug:code>/", facts_views.feature, name="feature"),
    path("clusters/<int:pk>/log/", cluster_log_views.log, name="cluster-log"),
    path("clusters/<int:pk>/log/live/", cluster_log_views.live_log, name="cluster-log-live"),
    path("clusters/<int:pk>/log/download/", cluster_log_views.download_log, name="cluster-log-download"),
    path("nodes/<int:pk>/attest/", checks_views.attest, name="attest"),
    path("nodes/<int:pk>/attest/withdraw/", checks_views.withdraw, name="attest-withdraw"),
    path("nodes/<int:pk>/registration/", checks_views.register_key, name="registration-set"),
    path("nodes/", nodes.NodeList.as_view(), name="node-list"),
    path("nodes/new/", nodes.choose_cluster, name="node-new"),
    path("nodes/<int:pk>/settings/", node_settings.settings, name="node-settings"),
    path("nodes/<int:pk>/settings/<slug:slug>/", node_settings.settings, name="node-settings-panel"),
    path("nodes/<int:pk>/edit/", nodes.edit, name="node-edit"),
    path("nodes/<int:pk>/pause/", nodes.pause, name="node-pause"),
    path("nodes/<int:pk>/resume/", nodes.resume, name="node-resume"),
    path("nodes/<int:pk>/remove/", nodes.remove, name="node-remove"),
    path("nodes/<int:pk>/host-key/approve/", host_keys.approve_host_key, name="host-key-approve"),
    path("nodes/<int:pk>/host-key/give/", host_keys.give_fingerprint, name="host-key-give"),
    path("nodes/<int:pk>/host-key/revoke/", host_keys.revoke_host_key, name="host-key-revoke"),
    path("nodes/<int:pk>/host-key/read/", host_keys.read_host_key, name="host-key-read"),
    path("nodes/<int:pk>/password/", host_keys.type_password, name="node-password"),
    path("nodes/<int:pk>/facts/read/", facts_views.read_facts, name="facts-read"),
    path("nodes/<int:pk>/scripts/bring/", facts_views.bring_scripts, name="scripts-bring"),
    path("nodes/<int:pk>/scripts/remove/", facts_views.remove_scripts, name="scripts-remove"),
    path("nodes/<int:pk>/ini-keys/", ini_keys_views.answer_ini_key, name="ini-key-answer"),
    path("credentials/", credentials_views.CredentialList.as_view(), name="credential-list"),
    path("credentials/<int:pk>/", credentials_views.detail, name="credential"),
    path("credentials/<int:pk>/edit/", credentials_views.edit, name="credential-edit"),
    path("credentials/<int:pk>/remove/", credentials_views.remove, name="credential-remove"),
]
