"""What the portal's management commands have in common."""

from __future__ import annotations

from django.core.management.base import BaseCommand

DATA_FOLDER = "data_folder"
"""The tag of checks that look at this portal's data."""


class PortalCommand(BaseCommand):
    """A command of the portal. It checks the data; all other checks look at code, are made by `./run check`, and import
    every page first, which took longer than most commands do."""

    requires_system_checks = [DATA_FOLDER]
