"""The console's frame: which tabs a cluster and a node have, and which sections their settings have.

A capability registers its own, from its `tabs` module, when Django starts; nobody else knows of them. A page that needs
the address of a cluster or a node asks for its first tab (`home`), whoever registered that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Role
from accounts.principals import Principal

Scope = Literal["cluster", "node"]
"""What a tab or section belongs to."""

SETTINGS = "settings"
"""The slug of the tab that holds the settings sections."""


def always(principal: Principal, subject: Any) -> bool:
    """Shown to everybody who sees the cluster or node at all."""
    return True


@dataclass(frozen=True, slots=True)
class Tab:
    """A page within a cluster or a node. `order`: from left to right. `url_name`: its page, which takes the primary key
    of the cluster or node and checks by itself who may see it. `shown`: whether the bar offers it to a principal on a
    cluster or node. `also`: names of pages that lie beneath it, on which it is marked as the one people are in."""

    scope: Scope
    slug: str
    label: str
    order: int
    url_name: str
    shown: Callable[[Principal, Any], bool] = always
    also: tuple[str, ...] = ()

    def address(self, pk: int) -> str:
        """Where it is for the cluster or node of this primary key."""
        return reverse(self.url_name, args=[pk])


@dataclass(frozen=True, slots=True)
class SettingsPanel:
    """A section of a cluster's or a node's settings, with an address of its own. `role`: the least role that may set
    something here; who has less sees the section read-only, with the reason. `context`: what its template needs, of a
    request and the cluster or node; `rights` and `may_set` are there already. `shown`: whether the section makes sense
    for a cluster or node. `also`: as of a tab."""

    scope: Scope
    slug: str
    label: str
    order: int
    template: str
    role: Role
    context: Callable[[HttpRequest, Any], dict[str, Any]]
    shown: Callable[[Principal, Any], bool] = always
    also: tuple[str, ...] = ()

    def address(self, pk: int) -> str:
        """Where it is for the cluster or node of this primary key."""
        return panel_page(self.scope, pk, self.slug)


_TABS: dict[tuple[Scope, str], Tab] = {}
_PANELS: dict[tuple[Scope, str], SettingsPanel] = {}


def register_tab(tab: Tab) -> None:
    """Add a tab. Raises ValueError where its scope has another one of this slug."""
    if _TABS.setdefault((tab.scope, tab.slug), tab) != tab:
        raise ValueError(f"A {tab.scope} has a tab {tab.slug} already.")


def register_panel(panel: SettingsPanel) -> None:
    """Add a section of settings. Raises ValueError where its scope has another one of this slug."""
    if _PANELS.setdefault((panel.scope, panel.slug), panel) != panel:
        raise ValueError(f"A {panel.scope} has settings {panel.slug} already.")


def tabs_of(scope: Scope, principal: Principal, subject: Any) -> list[Tab]:
    """The tabs that a principal is offered on a cluster or node, in their order."""
    return [tab for tab in _ordered(scope) if tab.shown(principal, subject)]


def panels_of(scope: Scope, principal: Principal, subject: Any) -> list[SettingsPanel]:
    """The sections that a cluster's or a node's settings have, in their order."""
    found = [panel for panel in _PANELS.values() if panel.scope == scope and panel.shown(principal, subject)]
    return sorted(found, key=lambda panel: (panel.order, panel.slug))


def tab_holding(scope: Scope, view_name: str) -> str:
    """The slug of the tab that a page is, or lies beneath; "" for none."""
    for tab in _ordered(scope):
        if view_name == tab.url_name or view_name in tab.also:
            return tab.slug
    return SETTINGS if any(view_name in panel.also for panel in _PANELS.values() if panel.scope == scope) else ""


def home(scope: Scope, pk: int) -> str:
    """The address of a cluster or a node: its first tab."""
    return _ordered(scope)[0].address(pk)


def tab_page(scope: Scope, pk: int, slug: str) -> str:
    """The address of a tab. Raises KeyError where no such tab is registered."""
    return _TABS[scope, slug].address(pk)


def panel_page(scope: Scope, pk: int, slug: str) -> str:
    """The address of a section of settings."""
    return f"{tab_page(scope, pk, SETTINGS)}{slug}/"


def _ordered(scope: Scope) -> list[Tab]:
    return sorted((tab for tab in _TABS.values() if tab.scope == scope), key=lambda tab: (tab.order, tab.slug))
