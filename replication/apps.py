"""Django's handle on this room."""

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    """The app."""

    name = "replication"
    default_auto_field = "django.db.models.BigAutoField"
