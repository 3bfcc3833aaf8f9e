"""What people answer about ini keys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.requests import principal_of
from nodes.enums import IniChoice
from nodes.ini_keys import services as ini_keys_services
from nodes.ini_keys.services import IniAnswer
from nodes.web import tabs
from nodes.web.actions import act


@require_POST
def answer_ini_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a key of the node, or replicate the primary's."""
    answer = IniAnswer(**{name: request.POST.get(name, "") for name in ("path", "section", "key", "choice")})
    what = "follows the primary" if answer.choice == IniChoice.REPLICATE else "stays the node's own"
    return act(
        request,
        lambda: ini_keys_services.answer_ini_key(principal_of(request), node_id=pk, answer=answer),
        to=tabs.panel_page("node", pk, "ini-keys"),
        message=f"[{answer.section}] {answer.key} {what}.",
    )
