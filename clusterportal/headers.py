"""What no library here does about every request and answer: methods that are none of ours, and headers."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils.deprecation import MiddlewareMixin

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class PortalHeaders(MiddlewareMixin):
    """Permissions-Policy on everything; pages and answers are nobody's to keep, and what a browser kept nevertheless
    goes with the session."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Refuse TRACE and whatever else nobody serves: a view that asks for no method would take it for a GET."""
        return None if request.method in METHODS else HttpResponseNotAllowed(METHODS)

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
