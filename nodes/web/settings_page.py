"""The settings of a cluster or a node: a list of sections, and the one that was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest

from accounts.models import Role
from accounts.principals import rank
from accounts.requests import principal_of
from nodes.web.tabs import Scope, SettingsPanel, panels_of


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the list beside the chosen section."""

    label: str
    address: str
    chosen: bool


def settings_context(request: HttpRequest, scope: Scope, subject: Any, *, role: str, slug: str) -> dict[str, Any]:
    """What the page needs besides the cluster or node itself. `role`: the caller's on the cluster. `slug`: the section,
    "" for the first. Raises Http404 for a section that is not there."""
    panels = panels_of(scope, principal_of(request), subject)
    panel = next((panel for panel in panels if slug in ("", panel.slug)), None)
    if panel is None:
        raise Http404("No such settings.")
    may_set = rank(role) >= rank(panel.role)
    return {
        "sections": [Section(one.label, one.address(subject.pk), one is panel) for one in panels],
        "panel": panel,
        "may_set": may_set,
        "why_not": "" if may_set else _why_not(panel, role),
        **panel.context(request, subject),
    }


def _why_not(panel: SettingsPanel, role: str) -> str:
    return f"Setting this needs the role {panel.role.label} on the cluster; yours is {Role(role).label}."
