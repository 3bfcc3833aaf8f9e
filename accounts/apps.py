"""Django's handle on this room."""

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals, once the models are there."""
        import_module("accounts.signals")
