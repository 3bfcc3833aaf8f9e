"""Swagger UI as a page of the console: static files from the sidecar package, no inline script, the usual policy."""

from __future__ import annotations

from django.views.generic import TemplateView


class ApiDocsView(TemplateView):
    """Reads /api/v1/schema/ with the session of whoever is logged in."""

    template_name = "api_docs.html"
