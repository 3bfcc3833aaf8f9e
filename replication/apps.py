"""Django's handle on this room."""

from importlib import import_module

from django.apps import AppConfig


class ReplicationConfig(AppConfig):
    """The app."""

    name = "replication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Fill the table of job kinds, which needs the models."""
        import_module("replication.jobs.registry")
        # keys that were rotated are the object store's concern too
        import_module("replication.objects.rotation")
