"""The small forms of a node's settings: host keys, and the password typed for the server that shows one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.requests import principal_of
from nodes.registry.forms import FingerprintForm, TypedPasswordForm
from nodes.registry.services import host_keys, passwords
from nodes.registry.services.host_keys import look_at_host_key
from nodes.registry.views.nodes import visible_node
from nodes.web import tabs
from nodes.web.actions import (
    act,
    act_with,
)


@require_POST
def approve_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin a key the node showed."""
    return act(
        request,
        lambda: host_keys.approve_host_key(
            principal_of(request), node_id=pk, fingerprint=request.POST.get("fingerprint", "")
        ),
        to=tabs.panel_page("node", pk, "host-key"),
        message="Approved: the portal logs in only to a server that shows this key.",
    )


@require_POST
def give_fingerprint(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin a fingerprint learned on another way."""
    form = FingerprintForm(request.POST)
    return act_with(
        request,
        form,
        lambda: host_keys.give_fingerprint(
            principal_of(request), node_id=pk, fingerprint=form.cleaned_data["fingerprint"]
        ),
        to=tabs.panel_page("node", pk, "host-key"),
        message="Saved: the portal logs in only to a server that shows this key.",
    )


@require_POST
def revoke_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Trust a key no longer, or reject one that was shown."""
    return act(
        request,
        lambda: host_keys.revoke_host_key(
            principal_of(request), node_id=pk, fingerprint=request.POST.get("fingerprint", "")
        ),
        to=tabs.panel_page("node", pk, "host-key"),
        message="Rejected: the portal does not log in to a server that shows this key.",
    )


@require_POST
def read_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the server which key it shows now, without logging in."""
    node = visible_node(request, pk)
    return act(
        request,
        lambda: look_at_host_key(principal_of(request), node=node),
        to=tabs.panel_page("node", pk, "host-key"),
        message="Read the host key. Compare it with what the server itself says before you approve it.",
    )


@require_POST
def type_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the portal log in to this server by its credential's password."""
    visible_node(request, pk)
    form = TypedPasswordForm(request.POST)
    return act_with(
        request,
        form,
        lambda: passwords.type_password(principal_of(request), server=form.server(pk), password=form.secret()),
        to=tabs.panel_page("node", pk, "host-key"),
        message="Saved: the portal sends the password to this server, at this address and with this host key.",
    )
