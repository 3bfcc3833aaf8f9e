"""Forms about searching networks and typing in a server that shall join."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from nodes.discovery.services import NewSearch
from nodes.web.forms import ConsoleForm


def _numbers(text: str) -> tuple[int, ...]:
    """Ports separated by commas or blanks. Raises ValidationError."""
    try:
        return tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise ValidationError("Give port numbers separated by commas, for example 22, 2222.") from None


class SearchForm(ConsoleForm):
    """Which networks to search, and on which ports servers greet."""

    networks = forms.CharField(
        max_length=1000,
        label="Networks",
        help_text="Your own networks as address/bits, separated by commas, for example 192.168.10.0/24: at most 1024 "
        "addresses.",
    )
    ssh_ports = forms.CharField(max_length=40, label="SSH ports", initial="22")
    smtp_ports = forms.CharField(max_length=40, label="SMTP ports", initial="25")

    def clean_ssh_ports(self) -> tuple[int, ...]:
        """The ports as numbers. Raises ValidationError for what is none."""
        return _numbers(self.cleaned_data["ssh_ports"])

    def clean_smtp_ports(self) -> tuple[int, ...]:
        """The ports as numbers. Raises ValidationError for what is none."""
        return _numbers(self.cleaned_data["smtp_ports"])

    def new(self, cluster_id: int) -> NewSearch:
        """What was typed."""
        data = self.cleaned_data
        networks = tuple(data["networks"].replace(",", " ").split())
        return NewSearch(cluster_id, networks, data["ssh_ports"], data["smtp_ports"])
