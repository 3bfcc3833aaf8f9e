"""The door for the web server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")
_django = get_asgi_application()

from clusterportal.front_door import FrontDoor  # noqa: E402 - it imports what needs the apps

application = FrontDoor(_django)
