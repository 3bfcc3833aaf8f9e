"""Wiring only: settings, environment, Celery, the map of pages, checks."""

from clusterportal import garbage

garbage.begin_loading()  # every program of the portal begins here

from clusterportal.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
