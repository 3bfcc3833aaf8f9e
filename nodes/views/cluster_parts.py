"""The small forms of a cluster's page: path classes and members."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.requests import principal_of
from nodes.forms.clusters import MemberForm, PathClassForm
from nodes.services import clusters
from nodes.views.acting import act, act_with
from nodes.views.clusters import cluster_page


@require_POST
def set_path_class(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which class a path or pattern has."""
    form = PathClassForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters.set_path_class(principal_of(request), cluster_id=pk, rule=form.rule()),
        to=f"{cluster_page(pk)}#paths",
        message="Saved. The next scan of the primary sorts the path so.",
    )


@require_POST
def clear_path_class(request: HttpRequest, pk: int, override: int) -> HttpResponse:
    """Go back to what the profile says of a pattern."""
    return act(
        request,
        lambda: clusters.clear_path_class(principal_of(request), cluster_id=pk, override_id=override),
        to=f"{cluster_page(pk)}#paths",
        message="Cleared: the profile decides again.",
    )


@require_POST
def set_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a user a role on the cluster."""
    form = MemberForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters.set_member(
            principal_of(request),
            cluster_id=pk,
            username=form.cleaned_data["username"],
            role=form.cleaned_data["role"],
        ),
        to=f"{cluster_page(pk)}#members",
        message="Saved the member's role.",
    )


@require_POST
def remove_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a user's role on the cluster."""
    return act(
        request,
        lambda: clusters.set_member(
            principal_of(request), cluster_id=pk, username=request.POST.get("username", ""), role=""
        ),
        to=f"{cluster_page(pk)}#members",
        message="Took the member's role.",
    )
