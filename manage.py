#!/usr/bin/env python
"""Django's door."""

import os
import sys

from django.core.management import execute_from_command_line

from clusterportal.command_line import note_command, said_in_a_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")
    with said_in_a_line():
        note_command(sys.argv)
        execute_from_command_line(sys.argv)
