"""Time by the database's clock, the only one that all workers share."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateTimeField, Expression, ExpressionWrapper
from django.db.models.functions import Now


def now() -> Now:
    """This moment, as the database sees it."""
    return Now()


def later(seconds: float) -> Expression:
    """So many seconds after this moment; before it when negative."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
