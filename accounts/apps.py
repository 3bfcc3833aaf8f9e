"""Django's handle on this room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
