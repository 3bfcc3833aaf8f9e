"""Forms about credentials. What is secret is never shown again, not even to whoever typed it."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from django import forms
from django.http import QueryDict

from nodes.credentials.models import Credential
from nodes.credentials.services import CredentialChange, PrivateKey, servers_of
from nodes.secret import Secret
from nodes.web.forms import ConsoleForm
from nodes.web.versioned_form import VersionedForm


class CredentialForm(ConsoleForm):
    """A name for the list and the user to log in as."""

    name = forms.CharField(max_length=63, label="Name", help_text="For you, for example: portal key of mail-eu.")
    username = forms.CharField(
        max_length=104,
        label="User name on the node",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="A dedicated account with modify rights on the installation folder.",
    )


class PasswordForm(CredentialForm):
    """A password."""

    password = forms.CharField(
        label="Password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def secret(self) -> Secret:
        """The password, sealed from view at once."""
        return Secret(self.cleaned_data["password"])


class KeyForm(CredentialForm):
    """A private key the operator has."""

    private_key = forms.CharField(
        label="Private key",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text="OpenSSH or PEM text: Ed25519, ECDSA or RSA. It is kept sealed and never shown again.",
    )
    passphrase = forms.CharField(
        required=False,
        label="Its passphrase, if it has one",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def secret(self) -> Secret:
        """The key, sealed from view at once."""
        return Secret(self.cleaned_data["private_key"])

    def opening(self) -> Secret | None:
        """The passphrase, if one was given."""
        text = self.cleaned_data["passphrase"]
        return Secret(text) if text else None


class EditCredential(VersionedForm):
    """What changing any credential has in common."""

    def __init__(self, data: QueryDict | None = None, *, credential: Credential, **kwargs: Any) -> None:
        initial = {"name": credential.name, "username": credential.username}
        super().__init__(data, version=credential.version, initial=initial, **kwargs)


class NewPasswordForm(EditCredential, PasswordForm):
    """Other names, or another password; an empty password leaves the old one, and where it may be sent."""

    servers = forms.MultipleChoiceField(
        required=False,
        label="Send the new password to",
        widget=forms.CheckboxSelectMultiple,
        help_text="Each at its address, with its approved host key. For any other it must be typed there.",
    )

    def __init__(self, *args: Any, credential: Credential, **kwargs: Any) -> None:
        super().__init__(*args, credential=credential, **kwargs)
        self.fields["password"].required = False
        self.fields["password"].help_text = "Empty: the one there is stays."
        names = dict(credential.nodes.values_list("pk", "name"))
        self._servers = {"\t".join(map(str, astuple(server))): server for server in servers_of(credential)}
        choices = [(key, f"{names[one.node_id]}: {one}") for key, one in self._servers.items()]
        self.fields["servers"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["servers"]

    def change(self) -> CredentialChange:
        """What was typed."""
        data = self.cleaned_data
        password = self.secret() if data["password"] else None
        servers = tuple(self._servers[key] for key in data.get("servers", ())) if password else ()
        return CredentialChange(name=data["name"], username=data["username"], password=password, servers=servers)


class NewKeyForm(EditCredential, KeyForm):
    """Other names, or another key; an empty key leaves the old one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["private_key"].required = False
        self.fields["private_key"].help_text = "Empty: the one there is stays."

    def change(self) -> CredentialChange:
        """What was typed."""
        data = self.cleaned_data
        key = PrivateKey(self.secret(), self.opening()) if data["private_key"] else None
        return CredentialChange(name=data["name"], username=data["username"], key=key)


class KeyPairForm(CredentialForm):
    """A key pair the portal makes: the private half never leaves it."""
