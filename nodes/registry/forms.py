"""Forms about nodes and their host keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.credentials.passwords import Server
from nodes.enums import NodeRole, PlatformName
from nodes.registry.models import Node
from nodes.registry.services.nodes import NewNode, NodeChange
from nodes.secret import Secret
from nodes.web.forms import ConsoleForm, picks
from nodes.web.versioned_form import VersionedForm

FINGERPRINT_HELP = (
    "On the server: ssh-keygen -lf with the file of its host key (ssh_host_ed25519_key.pub); "
    "the part that begins with SHA256:"
)


class NodeForm(ConsoleForm):
    """Where a server is and how the portal logs in."""

    name = forms.CharField(max_length=63, label="Name", help_text="NetBIOS or DNS host name of the server.")
    address = forms.CharField(max_length=253, label="Address", help_text="NetBIOS name, IP address or DNS name.")
    port = forms.IntegerField(label="SSH port", initial=22)
    platform = forms.ChoiceField(label="System", choices=picks(PlatformName.choices))
    install_root = forms.CharField(
        max_length=400, label="Installation folder", help_text="As its system spells it, for example C:\\MDaemon."
    )
    role = forms.ChoiceField(label="Role", choices=picks(NodeRole.choices))
    credential = forms.ModelChoiceField(
        queryset=Credential.objects.none(),
        required=False,
        label="Credential",
        empty_label="None yet",
        help_text="How the portal logs in. Without one nothing can be read from the node.",
    )

    def __init__(self, *args: Any, credentials: QuerySet[Credential], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"].queryset = credentials  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, node: Node) -> dict[str, Any]:
        """What the node is now."""
        columns = ("name", "address", "port", "platform", "install_root", "role")
        return {column: getattr(node, column) for column in columns} | {"credential": node.credential_id}

    def change(self) -> NodeChange:
        """What was typed."""
        return NodeChange(**self._values())

    def _values(self) -> dict[str, Any]:
        columns = ("name", "address", "port", "platform", "install_root", "role")
        credential = self.cleaned_data["credential"]
        values = {column: self.cleaned_data[column] for column in columns}
        return values | {"credential_id": credential.pk if credential else None}


class EditNodeForm(VersionedForm, NodeForm):
    """A registered server again; a credential it has once may be changed, not taken away."""

    def __init__(self, data: QueryDict | None = None, *, node: Node, **kwargs: Any) -> None:
        super().__init__(data, version=node.version, initial=self.initial_of(node), **kwargs)
        self.fields["credential"].required = node.credential_id is not None


class NewNodeForm(NodeForm):
    """Also asks for the host key's fingerprint, where it is known in advance."""

    host_key_fingerprint = forms.CharField(
        max_length=80,
        required=False,
        label="Host key fingerprint, if you know it",
        help_text=f"Else the portal shows what the server presents, and you compare. {FINGERPRINT_HELP}.",
    )

    def new(self, cluster: Cluster) -> NewNode:
        """What was typed."""
        given = self.cleaned_data["host_key_fingerprint"]
        return NewNode(cluster_id=cluster.pk, host_key_fingerprint=given, **self._values())


class TypedPasswordForm(ConsoleForm):
    """The password of a node's credential, for the server that the page names."""

    address = forms.CharField(max_length=253, widget=forms.HiddenInput)
    port = forms.IntegerField(min_value=1, max_value=65535, widget=forms.HiddenInput)
    fingerprint = forms.CharField(max_length=80, widget=forms.HiddenInput)
    password = forms.CharField(
        label="Password", max_length=256, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )

    @classmethod
    def of(cls, node: Node, fingerprint: str) -> TypedPasswordForm:
        """An empty one, for the server that the node is now."""
        server = {"address": node.address, "port": node.port, "fingerprint": fingerprint}
        return cls(initial=server, auto_id="typed-%s")

    def server(self, node_id: int) -> Server:
        """The server that the page named."""
        return Server(node_id, **{name: self.cleaned_data[name] for name in ("address", "port", "fingerprint")})

    def secret(self) -> Secret:
        """The password, sealed from view at once."""
        return Secret(self.cleaned_data["password"])


class FingerprintForm(ConsoleForm):
    """A host key's fingerprint learned on another way."""

    fingerprint = forms.CharField(max_length=80, label="Fingerprint", help_text=f"{FINGERPRINT_HELP}.")
