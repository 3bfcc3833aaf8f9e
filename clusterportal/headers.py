"""What no library here does about every request and answer: methods that are none of ours, and headers."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils.deprecation import MiddlewareMixin

OF_PAGES = ("GET", "HEAD", "POST")
OF_REST = (*OF_PAGES, "PUT", "PATCH", "DELETE", "OPTIONS")


class PortalHeaders(MiddlewareMixin):
    """Permissions-Policy on everything; pages and answers are nobody's to keep, and what a browser kept nevertheless
    goes with the session."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Refuse what nobody serves: a view that asks for no method would take TRACE, or a page a DELETE, for a GET."""
        served = OF_REST if request.path.startswith("/api/") else OF_PAGES
        return None if request.method in served else HttpResponseNotAllowed(served)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add what is not there."""
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        if _logs_out(request):
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def _logs_out(request: HttpRequest) -> bool:
    match = request.resolver_match
    return request.method == "POST" and match is not None and match.url_name == "account_logout"
