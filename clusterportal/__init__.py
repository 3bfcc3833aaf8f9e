"""Wiring only: settings, environment, Celery, the map of pages, checks."""

from clusterportal.celery import app as celery_app

__all__ = ["celery_app"]
