"""Forms of this room's console pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.forms import ChangePasswordForm
from django import forms
from django.core.exceptions import ValidationError

from accounts.models import Demand, Role
from accounts.refusals import ConsoleForm
from accounts.tokens import DEFAULT_DAYS, MAX_DAYS, NewToken

_NO_ROLE = ("", "No role on the portal (roles on single clusters)")


class NewPasswordForm(ChangePasswordForm):
    """Changing one's password; the new one must differ, or a one-time password would live on. `end_tokens` is read when
    the change is recorded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Tokens are offered to be ended where there are any."""
        super().__init__(*args, **kwargs)
        if self.user.auth_token_set.exists():
            self.fields["end_tokens"] = forms.BooleanField(
                required=False,
                label="Also end my API tokens",
                help_text="Do so if somebody else may have known the password. Your other sessions end in any case.",
            )

    def clean(self) -> dict[str, Any]:
        """Compare new with old."""
        cleaned: dict[str, Any] = super().clean()
        if self.user.check_password(cleaned.get("password1") or ""):
            self.add_error("password1", ValidationError("The new password must differ from the present one."))
        return cleaned


class NewTokenForm(ConsoleForm):
    """A new API token of one's own."""

    name = forms.CharField(max_length=100, help_text="What uses it, such as 'backup script'.")
    role = forms.ChoiceField(choices=Role.choices, help_text="What it may do at most.")
    cluster_ids = forms.TypedMultipleChoiceField(
        coerce=int,
        required=False,
        label="Clusters",
        widget=forms.CheckboxSelectMultiple,
        help_text="Where it may do so. None chosen: wherever you may, also on clusters to come.",
    )
    days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS, label="Expires after (days)")

    def __init__(self, *args: Any, clusters: Mapping[int, str], **kwargs: Any) -> None:
        """`clusters`: those the owner may see, id to name."""
        super().__init__(*args, **kwargs)
        self.fields["cluster_ids"].choices = list(clusters.items())  # type: ignore[attr-defined]
        if not clusters:
            del self.fields["cluster_ids"]

    def token(self) -> NewToken:
        """What was asked for."""
        given = self.cleaned_data
        return NewToken(given["name"], given["role"], tuple(given.get("cluster_ids", ())), given["days"])


class NewUserForm(ConsoleForm):
    """Somebody new."""

    username = forms.CharField(max_length=150, label="User name")
    email = forms.EmailField(required=False, label="E-mail")
    portal_role = forms.ChoiceField(choices=[_NO_ROLE, *Role.choices], required=False, label="Role on every cluster")


class PortalRoleForm(forms.Form):
    """A user's role on every cluster."""

    portal_role = forms.ChoiceField(choices=[_NO_ROLE, *Role.choices], required=False, label="Role on every cluster")


class DemandForm(ConsoleForm):
    """Of whom a second factor is demanded."""

    demanded_of = forms.ChoiceField(
        choices=Demand.choices,
        label="Demanded of",
        help_text="By the best role somebody holds, on the portal or on any cluster.",
    )
