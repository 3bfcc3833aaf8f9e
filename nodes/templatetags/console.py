"""Tags of every console page: icons, state badges, meters, the topology drawing, the theme. No inline styles: the
content security policy forbids them, so sizes are SVG attributes and colours are classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from lucide.jinja import lucide

from accounts.models import Role, User
from accounts.principals import Principal, rank
from nodes.checks.core.verdicts import CHECKS
from nodes.registry.models import Node
from nodes.registry.status import badges, node_badge
from nodes.registry.topology import NARROW, WIDE, Drawing, FileServer, draw
from nodes.web.html import badge, meter, share_used
from nodes.web.status import tone_of
from nodes.web.theme import chosen_theme

register = template.Library()

MINUTE = timedelta(minutes=1)


@register.simple_tag
@cache
def icon(name: str, size: int = 16, css: str = "") -> SafeString:
    """An icon beside a word, hidden from screen readers; `size` in pixels. Drawn once: pages have dozens, of few kinds,
    which templates spell."""
    return SafeString(lucide(name, size=size, aria_hidden="true", **({"class": css} if css else {})))


@register.filter
def tone(state: str) -> str:
    """The tone (ok, warn, bad, info, idle) of a state's word."""
    return tone_of(state)


@register.inclusion_tag("components/topology.html")
def topology(
    name: str, nodes: Sequence[Node], servers: Sequence[FileServer] = ()
) -> dict[str, Sequence[Drawing] | str]:
    """The cluster's nodes: the primary above, lines to the secondaries it replicates to, the file servers that hold
    what they share below. Drawn twice: the style sheet shows the one that suits the place."""
    return {"name": name, "drawings": [draw(nodes, servers, sheet) for sheet in (WIDE, NARROW)]}


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


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago a moment is, roughly; for what is ahead of this clock no time at all, for none nothing."""
    if moment is None:
        return ""
    return timesince(moment) if timezone.now() - moment >= MINUTE else "less than a minute"


@register.filter
def under(path: str, prefix: str) -> bool:
    """Whether an address lies below another one."""
    return path.startswith(prefix)


@register.filter
def administers_portal(user: object) -> bool:
    """Whether a user's role on the whole portal is administrator."""
    return isinstance(user, User) and rank(Principal(user, via="console").portal_role()) >= rank(Role.ADMINISTRATOR)


@register.filter
def words(code: str) -> str:
    """A code as words: "Primary shrunk"."""
    return code.replace("_", " ").capitalize()


@register.filter
def check_label(code: str) -> str:
    """What people call a check."""
    return CHECKS[code].label if code in CHECKS else words(code)


register.simple_tag(badge)
register.simple_tag(node_badge)
register.simple_tag(badges)
register.simple_tag(meter)
register.filter(share_used)
