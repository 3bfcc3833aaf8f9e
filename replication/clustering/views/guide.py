"""The set-up page: the guide's steps as a path, with the next one open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import principal_of
from nodes.checks.services import attestations
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from nodes.web.actions import act, act_with
from replication.clustering.core.features import FEATURES, OFF
from replication.clustering.core.guide import GuideStepState
from replication.clustering.forms import NoteForm
from replication.clustering.selectors.clustering import clustering_of
from replication.clustering.selectors.guide import StepShown, setup_of
from replication.jobs.services.requests import JobRequest, request_job


@dataclass(frozen=True, slots=True)
class PathStep:
    """A step on the path: `place` is behind (done or attested), next, or ahead; who is ahead waits for the next."""

    step: StepShown
    place: str
    form: NoteForm


def setup(request: HttpRequest, pk: int) -> HttpResponse:
    """The path: what is behind folded with its evidence, the next step open, the others waiting."""
    cluster = visible_cluster(request, pk)
    principal = principal_of(request)
    path = _path(setup_of(principal, cluster))
    context = {
        "cluster": cluster,
        "rights": Rights.on(principal, pk),
        "clustering": clustering_of(principal, cluster),
        "path": path,
        "next": next((one.step for one in path if one.place == "next"), None),
        "behind": sum(one.place == "behind" for one in path),
    }
    return render(request, "replication/clustering/setup.html", context)


def _path(steps: Sequence[StepShown]) -> list[PathStep]:
    upcoming = next((step.number for step in steps if step.state == GuideStepState.TODO), 0)
    return [PathStep(step, _place(step, upcoming), NoteForm(auto_id=f"step-{step.number}-%s")) for step in steps]


def _place(step: StepShown, upcoming: int) -> str:
    if step.state != GuideStepState.TODO:
        return "behind"
    return "next" if step.number == upcoming else "ahead"


def _step_page(pk: int, step: int) -> str:
    return f"{reverse('replication:setup', args=[pk])}#step-{step}"


@require_POST
def switch_features(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the job that switches the incompatible features off; it shows its diff and waits for approval."""
    asked = JobRequest(cluster_id=pk, kind=FEATURES, options={"to": OFF})
    return act(
        request,
        lambda: request_job(principal_of(request), asked),
        to=f"{reverse('replication:job-list')}?cluster={pk}",
        message="Requested. Its plan shows each line that would change, and waits for approval.",
    )


@require_POST
def attest(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """Say that a step is done."""
    form = NoteForm(request.POST)
    return act_with(
        request,
        form,
        lambda: attestations.attest_step(
            principal_of(request), cluster_id=pk, step=step, note=form.cleaned_data["note"]
        ),
        to=_step_page(pk, step),
        message=f"Step {step}: kept, with your name and the time.",
    )


@require_POST
def withdraw(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """Take that back."""
    return act(
        request,
        lambda: attestations.withdraw_step(principal_of(request), cluster_id=pk, step=step),
        to=_step_page(pk, step),
        message=f"Step {step}: taken back.",
    )
