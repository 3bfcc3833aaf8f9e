"""Forms about clusters: what they are, who may do what, which class a path has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.clusters.services import ClusterChange, NewCluster, PathRule
from nodes.enums import ApprovalPolicy, ReplicationMode
from nodes.products.loading import profile_names
from nodes.products.profile import PathClass
from nodes.web.forms import ChoiceCards, ConsoleForm, picks
from nodes.web.versioned_form import VersionedForm

MODES = {
    ReplicationMode.NATIVE.value: "MDaemon replicates its configuration itself. The portal watches and proves it, "
    "and never writes replicated files on secondaries.",
    ReplicationMode.PORTAL.value: "The portal copies the primary's configuration to the secondaries and proves it. "
    "Only while MDaemon's own cluster service is off on every node.",
}
APPROVALS = {
    ApprovalPolicy.ALWAYS.value: "Every plan waits until somebody has looked at it and approved it.",
    ApprovalPolicy.FIRST.value: "The first plan for each node waits for approval; later ones run by themselves.",
    ApprovalPolicy.NEVER.value: "Plans run by themselves; only a brake halts and asks.",
}
CLASSES = {
    PathClass.CONFIG: "Configuration: replicated",
    PathClass.VOLATILE: "Volatile: changes by itself, left alone",
    PathClass.NODE_LOCAL: "Node-local: each node's own, left alone",
    PathClass.BINARY: "Program files: left alone",
    PathClass.NEVER: "Never touched",
}


class ClusterForm(ConsoleForm):
    """Name, profile and when to ask."""

    name = forms.CharField(max_length=63)
    description = forms.CharField(max_length=200, required=False)
    profile = forms.ChoiceField(label="Product profile", help_text="Says which files are configuration.")
    approval = forms.ChoiceField(
        label="Approval",
        choices=ApprovalPolicy.choices,
        initial=ApprovalPolicy.FIRST,
        widget=ChoiceCards(APPROVALS),
        help_text="When a person must approve what a job will change.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = profile_names(settings.PORTAL.profile_folder)
        self.fields["profile"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def change(self) -> ClusterChange:
        """What was typed."""
        data = self.cleaned_data
        return ClusterChange(
            name=data["name"], description=data["description"], profile=data["profile"], approval=data["approval"]
        )


class EditClusterForm(VersionedForm, ClusterForm):
    """A cluster again."""

    def __init__(self, data: QueryDict | None = None, *, cluster: Cluster, **kwargs: Any) -> None:
        columns = ("name", "description", "profile", "approval")
        initial = {column: getattr(cluster, column) for column in columns}
        super().__init__(data, version=cluster.version, initial=initial, **kwargs)


class NewClusterForm(ClusterForm):
    """Also asks who replicates: there is no default."""

    replication_mode = forms.ChoiceField(
        label="Who replicates the configuration",
        choices=ReplicationMode.choices,
        widget=ChoiceCards(MODES),
        help_text="There is no default, and it stays as chosen.",
    )
    field_order = ["name", "description", "replication_mode"]

    def new(self) -> NewCluster:
        """What was typed."""
        data = self.cleaned_data
        return NewCluster(
            name=data["name"],
            replication_mode=data["replication_mode"],
            description=data["description"],
            profile=data["profile"],
            approval=data["approval"],
        )


class PathClassForm(ConsoleForm):
    """Sorts a path or a pattern into a class."""

    pattern = forms.CharField(max_length=400, label="Path or pattern", help_text="* and ? in a name, ** over folders")
    path_class = forms.ChoiceField(label="Class", choices=picks((item.value, text) for item, text in CLASSES.items()))
    note = forms.CharField(max_length=200, required=False, label="Note")

    def rule(self) -> PathRule:
        """What was typed."""
        data = self.cleaned_data
        return PathRule(pattern=data["pattern"], path_class=data["path_class"], note=data["note"])


class MemberForm(ConsoleForm):
    """Who may do what on the cluster."""

    username = forms.CharField(max_length=150, label="User name", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="Role", choices=picks(Role.choices))
