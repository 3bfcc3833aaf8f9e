"""Error pages of the console, problem details below /api/: never a traceback."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page

from clusterportal.problems import ProblemDetail, ProblemRenderer, problem_of
from clusterportal.refused import note_refusal

_API = "/api/"


def _as_json(problem: ProblemDetail) -> HttpResponse:
    return JsonResponse(problem.as_json(), status=problem.status, content_type=ProblemRenderer.media_type)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: a request that Django itself refuses (host, size, form encoding)."""
    if request.path.startswith(_API):
        return _as_json(ProblemDetail(400, "invalid", "The request is malformed."))
    return defaults.bad_request(request, exception, "400.html")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """403: the role does not allow it."""
    note_refusal(request, 403, str(exception))
    if request.path.startswith(_API):
        return _as_json(ProblemDetail(403, "forbidden", "Your role does not allow this."))
    return defaults.permission_denied(request, exception, "403.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404: nothing there, or nothing the caller may see."""
    note_refusal(request, 404)
    if request.path.startswith(_API):
        return _as_json(
            ProblemDetail(404, "not_found", "There is no such resource. The schema at /api/v1/schema/ lists all.")
        )
    return defaults.page_not_found(request, exception, "404.html")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500: something nobody foresaw; the log has it."""
    if request.path.startswith(_API):
        return _as_json(ProblemDetail(500, "internal", "The portal failed. Its log says why."))
    return defaults.server_error(request, "500.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form without its token: an old page, another site, or blocked cookies."""
    note_refusal(request, 403, "The security token of the form was missing or wrong.")
    if request.path.startswith(_API):
        return _as_json(ProblemDetail(403, "csrf", "The CSRF token is missing or wrong."))
    return csrf_page(request, reason, "403_csrf.html")


def too_many_requests(request: HttpRequest) -> HttpResponseBase:
    """429: the log-in's library counted too many tries of one kind within a minute."""
    note_refusal(request, 429)
    problem = ProblemDetail(429, "throttled", "Wait a minute, then go on.", retry_after=60)
    page = render(request, "problem.html", {"problem": problem}, status=problem.status)
    page["Retry-After"] = str(problem.retry_after)
    return page


class ProblemPages(MiddlewareMixin):
    """What a service refused and no page caught: a page that says why, with the right status."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page for refusals beyond Django's own 403 and 404; None for those and for the unforeseen."""
        problem = problem_of(exception)
        if problem is None or problem.status in (403, 404):
            return None
        return render(request, "problem.html", {"problem": problem}, status=problem.status)
