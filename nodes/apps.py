"""Django's handle on this room."""

from importlib import import_module

from django.apps import AppConfig


class NodesConfig(AppConfig):
    """The app."""

    name = "nodes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have those listen who act upon what others of this room change; they need the models."""
        import_module("nodes.checks.services.checks")
        import_module("nodes.checks.services.registration")
        import_module("nodes.ini_keys.services")
