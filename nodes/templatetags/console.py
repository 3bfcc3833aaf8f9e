"""Tags of every console page: icons, state badges, meters, the topology drawing, the theme. No inline styles: the
content security policy forbids them, so sizes are SVG attributes and colours are classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.jinja import lucide

from accounts.models import Role, User
from accounts.principals import Principal, rank
from nodes.health.verdicts import GUARDS
from nodes.models.node import Node
from nodes.views.theme import chosen_theme
from nodes.views.topology import Drawing, draw
from nodes.views.verdict import Verdict, tone_of, verdict_of

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16, css: str = "") -> SafeString:
    """An icon beside a word, hidden from screen readers; `size` in pixels."""
    return SafeString(lucide(name, size=size, aria_hidden="true", **({"class": css} if css else {})))


def badge(state: str, label: str = "") -> SafeString:
    """A state as a coloured pill; the word is always there."""
    words = label or state.replace("_", " ").capitalize()
    return format_html('<span class="st tone-{}"><i aria-hidden="true"></i>{}</span>', tone_of(state), words)


def node_badge(node: Node) -> SafeString:
    """What a node's badge says: quarantine and pause before health."""
    found = verdict_of(node)
    return badge(found.state, found.label)


@register.filter
def tone(state: str) -> str:
    """The tone (ok, warn, bad, info, idle) of a state's word."""
    return tone_of(state)


@register.filter
def verdict(node: Node) -> Verdict:
    """A node's verdict."""
    return verdict_of(node)


def meter(share: float | None, label: str) -> SafeString:
    """A share from 0 to 1 as a small bar with its percentage; red from 0.9 on. None: not known."""
    if share is None:
        return SafeString('<span class="sub">not known</span>')
    percent = round(100 * min(max(share, 0), 1))
    return format_html(
        '<svg class="meter{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="meter" aria-label="{}"'
        ' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{}"><rect class="track" width="100" height="8" rx="4"/>'
        '<rect width="{}" height="8" rx="4"/></svg><span class="sub">{} %</span>',
        " full" if percent >= 90 else "",
        label,
        percent,
        percent,
        percent,
    )


@register.inclusion_tag("components/topology.html")
def topology(name: str, nodes: Sequence[Node]) -> dict[str, Drawing | str]:
    """The cluster's nodes: the primary above, lines to the secondaries it replicates to."""
    return {"name": name, "drawing": draw(nodes)}


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """The chosen theme: light, dark or auto."""
    return chosen_theme(_cookies(context))


@register.simple_tag(takes_context=True)
def theme_painted(context: Context) -> str:
    """What to paint before the script has asked the system: auto begins light."""
    chosen = chosen_theme(_cookies(context))
    return "dark" if chosen == "dark" else "light"


def _cookies(context: Context) -> dict[str, Any]:
    request = context.get("request")
    return {} if request is None else request.COOKIES


def share_used(total: int | None, free: int | None) -> float | None:
    """The used share of a disk; None where one of the two is not known."""
    if not total or free is None:
        return None
    return (total - free) / total


@register.filter
def under(path: str, prefix: str) -> bool:
    """Whether an address lies below another one."""
    return path.startswith(prefix)


@register.filter
def administers_portal(user: object) -> bool:
    """Whether a user's role on the whole portal is administrator."""
    return isinstance(user, User) and rank(Principal(user, via="console").portal_role()) >= rank(Role.ADMINISTRATOR)


@register.filter
def guard_label(code: str) -> str:
    """What people call a check."""
    return GUARDS[code].label if code in GUARDS else code.replace("_", " ").capitalize()


register.simple_tag(badge)
register.simple_tag(node_badge)
register.simple_tag(meter)
register.filter(share_used)
