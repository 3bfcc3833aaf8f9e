"""Forms about mount points and the portal's logins to file servers."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from nodes.platforms.unc import LONGEST
from nodes.secret import Secret
from nodes.shares.models import FileServerLogin
from nodes.shares.services.reaching import SMB_PORT, Mount, ServerLogin
from nodes.validators import MAX_PATH
from nodes.web.forms import ConsoleForm
from nodes.web.versioned_form import VersionedForm

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "class": "path"}


class MountForm(ConsoleForm):
    """Where a node mounts a share."""

    share = forms.CharField(
        max_length=LONGEST,
        label="Share",
        widget=forms.TextInput(_PLAIN),
        help_text=r"Without folders: \\server\share.",
    )
    folder = forms.CharField(
        max_length=MAX_PATH,
        label="Mounted at",
        widget=forms.TextInput(_PLAIN),
        help_text="The folder on the node, such as /mnt/mail. The portal mounts nothing itself.",
    )

    def mount(self) -> Mount:
        """What was typed."""
        return Mount(self.cleaned_data["share"], self.cleaned_data["folder"])


class LoginForm(ConsoleForm):
    """How the portal logs in to a file server."""

    server = forms.CharField(
        max_length=255,
        label="File server",
        widget=forms.TextInput(_PLAIN),
        help_text="As the paths name it: a NetBIOS name, a DNS name or an address.",
    )
    port = forms.IntegerField(label="Port", initial=SMB_PORT)
    username = forms.CharField(
        max_length=104,
        label="User name",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text="With the domain it is of: DOMAIN\\name or name@domain.",
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Kept sealed and never shown. It is sent to this server and port alone.",
    )

    def login(self) -> ServerLogin:
        """What was typed."""
        data = self.cleaned_data
        password = Secret(data["password"]) if data["password"] else None
        return ServerLogin(data["server"], data["username"], data["port"], password)


class ChangeLoginForm(VersionedForm, LoginForm):
    """A login again; an empty password leaves the one there is, for the same server and port."""

    def __init__(self, data: QueryDict | None = None, *, row: FileServerLogin) -> None:
        initial = {name: getattr(row, name) for name in ("server", "port", "username")}
        super().__init__(data, version=row.version, initial=initial)
        self.fields["password"].required = False
        self.fields["password"].help_text = "Empty: the one there is stays. Another server or port needs it typed anew."
