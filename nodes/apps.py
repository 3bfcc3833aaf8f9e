"""Django's handle on this room."""

from importlib import import_module

from django.apps import AppConfig

CAPABILITIES = ("clusters", "registry", "credentials", "facts", "ini_keys", "checks", "cluster_log")


class NodesConfig(AppConfig):
    """The app."""

    name = "nodes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have those listen who act upon what others of this app change, and let each capability add its tabs and
        settings to the console's frame. Both need the models."""
        import_module("nodes.checks.services.checks")
        for capability in CAPABILITIES:
            import_module(f"nodes.{capability}.tabs")
