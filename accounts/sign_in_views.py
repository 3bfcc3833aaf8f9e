"""Console pages about how people log in: the second factor that is demanded of them, and a lost one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.forms import DemandForm
from accounts.refusals import ConfirmName
from accounts.requests import principal_of
from accounts.second_factor import demand_in_force, demand_of, remove_lost_factor
from accounts.users import users_visible_to


@require_http_methods(["GET", "POST"])
def second_factor_policy(request: HttpRequest) -> HttpResponse:
    """Of whom a second factor is demanded."""
    principal = principal_of(request)
    users_visible_to(principal)
    form = DemandForm(request.POST or None, initial={"demanded_of": demand_in_force()})
    if form.attempt(lambda: demand_of(principal, form.cleaned_data["demanded_of"])) is not None:
        messages.success(request, "This is in force now, also for those who are logged in.")
        return redirect("second-factor-policy")
    return render(request, "accounts/second_factor_policy.html", {"form": form})


@require_http_methods(["GET", "POST"])
def lost_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the second factor of somebody who lost it; the name is typed."""
    principal = principal_of(request)
    somebody = get_object_or_404(users_visible_to(principal), pk=pk)
    form = ConfirmName(request.POST or None, name=somebody.username)
    if form.attempt(lambda: remove_lost_factor(principal, pk)) is not None:
        messages.success(request, f"The second factor of {somebody} was removed; their sessions ended.")
        return redirect("user", pk=pk)
    page = {
        "title": f"Remove the second factor of {somebody}",
        "lead": "Their sessions end. Until they set up a new one, the password alone lets them in. Make sure that it "
        "is they who ask; if others may know the password, give a new one-time password, too.",
        "verb": "Remove the second factor",
        "danger": True,
        "form": form,
        "back_url": reverse("user", args=[pk]),
        "back_label": str(somebody),
    }
    return render(request, "components/form_page.html", page)
