"""Light, dark or as the system says: kept in a cookie of the browser, not in the account."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("light", "dark", "auto")
COOKIE = "theme"
A_YEAR = 365 * 86400  # seconds


def chosen_theme(cookies: Mapping[str, str]) -> str:
    """The theme a browser chose; "auto" where it chose none or something unknown."""
    theme = cookies.get(COOKIE, "auto")
    return theme if theme in THEMES else "auto"


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to where it was made; an unknown theme changes nothing."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(COOKIE, theme, max_age=A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    return response
