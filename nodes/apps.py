"""Django's handle on this room."""

from django.apps import AppConfig


class NodesConfig(AppConfig):
    """The app."""

    name = "nodes"
    default_auto_field = "django.db.models.BigAutoField"
