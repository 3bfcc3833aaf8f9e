"""Lists: filters that act while typing, a table, an address that can be shared."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from django_filters.views import FilterView
from django_htmx.middleware import HtmxDetails
from django_tables2 import SingleTableMixin

from accounts.principals import Principal
from accounts.requests import principal_of


class ListingView(SingleTableMixin, FilterView):
    """A list page; asked by its own filter form it answers the table alone."""

    page_template = "components/list.html"
    request: HttpRequest

    @property
    def principal(self) -> Principal:
        """Who is asking."""
        return principal_of(self.request)

    def get_template_names(self) -> list[str]:
        """The whole page, or the table for a filter that was touched."""
        htmx = cast(HtmxDetails, getattr(self.request, "htmx"))  # noqa: B009 - set by the middleware
        partial = bool(htmx) and not htmx.boosted and htmx.target == "list" and not htmx.history_restore_request
        return ["components/list_body.html" if partial else self.page_template]
