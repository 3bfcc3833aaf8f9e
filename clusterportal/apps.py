"""Django's handles on the wiring: its checks, and the portal's own admin site in the place of Django's."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from clusterportal.garbage import end_loading


class PortalConfig(AppConfig):
    """The wiring. The last of the apps, so that all others are loaded when it is ready."""

    name = "clusterportal"
    default = True

    def ready(self) -> None:
        """Register the deploy checks, and second factors with what is sealed under the master keys. That was all."""
        import_module("clusterportal.checks")
        import_module("clusterportal.second_factor")
        end_loading()


class LastResortConfig(AdminConfig):
    """Django's admin with our rules."""

    default_site = "clusterportal.admin_site.LastResort"
    default = False
