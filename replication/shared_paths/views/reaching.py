"""Pages that set mount points of nodes and the portal's logins to file servers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.views import visible_cluster
from nodes.registry.views.nodes import visible_node
from nodes.shares.models import FileServerLogin
from nodes.shares.services import reaching
from nodes.web.actions import FormPage, act, done, form_page
from nodes.web.forms import ConfirmName
from nodes.web.tabs import tab_page
from replication.shared_paths.forms.reaching import ChangeLoginForm, LoginForm, MountForm

_TAB = "Shared paths"
_PORTALS = "The portal logs in by itself to test shares from where it runs. Servers do not use this login."
_FORGETS = (
    "The portal forgets the name and the password, and tests this server from where it runs no more. Nothing changes \
on the server."
)


def _page(cluster_id: int) -> str:
    return tab_page("cluster", cluster_id, "shared-paths")


def set_mount(request: HttpRequest, pk: int) -> HttpResponse:
    """Say where a node mounts a share."""
    node = visible_node(request, pk, Role.ADMINISTRATOR)
    back = f"{_page(node.cluster_id)}#mounts"
    initial = {name: request.GET.get(name, "") for name in ("share", "folder")}
    form = MountForm(request.POST or None, initial=initial)
    if request.method == "POST":
        principal = principal_of(request)
        saved = form.attempt(lambda: reaching.set_mount(principal, node_id=pk, mount=form.mount()))
        if saved is not None:
            return done(request, back, f"Saved: {node.name} mounts {saved.share} at {saved.folder}.")
    return form_page(request, form, FormPage(f"Mount point of {node.name}", "Save", back, _TAB))


@require_POST
def clear_mount(request: HttpRequest, pk: int, mount: int) -> HttpResponse:
    """Forget where a node mounts a share."""
    node = visible_node(request, pk, Role.ADMINISTRATOR)
    principal = principal_of(request)
    return act(
        request,
        lambda: reaching.clear_mount(principal, node_id=pk, mount_id=mount),
        to=f"{_page(node.cluster_id)}#mounts",
        message="Cleared. Nothing changed on the node.",
    )


def add_login(request: HttpRequest, pk: int) -> HttpResponse:
    """Say how the portal logs in to a file server."""
    visible_cluster(request, pk, Role.ADMINISTRATOR)
    back = f"{_page(pk)}#logins"
    form = LoginForm(request.POST or None, initial={"server": request.GET.get("server", "")})
    if request.method == "POST":
        principal = principal_of(request)
        saved = form.attempt(lambda: reaching.add_login(principal, cluster_id=pk, login=form.login()))
        if saved is not None:
            return done(request, back, f"Saved the login to {saved.server}.")
    return form_page(request, form, FormPage("Login to a file server", "Save", back, _TAB, _PORTALS))


def change_login(request: HttpRequest, pk: int, login: int) -> HttpResponse:
    """Change a login, or type its password anew."""
    visible_cluster(request, pk, Role.ADMINISTRATOR)
    row = get_object_or_404(FileServerLogin, cluster=pk, pk=login)
    back = f"{_page(pk)}#logins"
    form = ChangeLoginForm(request.POST or None, row=row)
    if request.method == "POST":
        principal = principal_of(request)
        saved = form.attempt(
            lambda: reaching.change_login(
                principal, cluster_id=pk, login_id=login, login=form.login(), seen_version=form.version()
            )
        )
        if saved is not None:
            return done(request, back, f"Saved the login to {saved.server}.")
    return form_page(request, form, FormPage(f"Login to {row.server}", "Save", back, _TAB, _PORTALS))


def remove_login(request: HttpRequest, pk: int, login: int) -> HttpResponse:
    """Forget a login and its password, after the server's name was typed."""
    visible_cluster(request, pk, Role.ADMINISTRATOR)
    row = get_object_or_404(FileServerLogin, cluster=pk, pk=login)
    back = f"{_page(pk)}#logins"
    form = ConfirmName(request.POST or None, name=row.server)
    if request.method == "POST":
        principal = principal_of(request)
        gone = form.attempt(lambda: reaching.remove_login(principal, cluster_id=pk, login_id=login) or True)
        if gone:
            return done(request, back, "Removed, with its password.")
    page = FormPage(f"Remove the login to {row.server}", "Remove login", back, _TAB, _FORGETS, danger=True)
    return form_page(request, form, page)
