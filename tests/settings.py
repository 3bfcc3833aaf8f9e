"""Settings of the test run: the real ones, with a data folder and keys of the run's own."""

import base64
import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests import surroundings

if "_pytest" in sys.modules:
    # a process that a test starts has what the test gave it
    surroundings.neutral()

_data = Path(os.environ.setdefault("CLUSTERPORTAL_DATA", tempfile.mkdtemp(prefix="clusterportal-tests-")))
if (_lane := os.environ.get("PYTEST_XDIST_WORKER")) and _data.name != _lane:
    # lanes of tests work on nothing in common; processes that a test starts are in its lane already
    _data = _data / _lane
    os.environ["CLUSTERPORTAL_DATA"] = str(_data)
(_data / "keys").mkdir(parents=True, exist_ok=True)
for _name, _value in (
    ("django.key", secrets.token_urlsafe(60)),
    ("master.keys", base64.urlsafe_b64encode(os.urandom(32)).decode()),
):
    if not (_data / "keys" / _name).exists():
        (_data / "keys" / _name).write_text(_value)

from clusterportal.settings import *  # noqa: E402,F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# a file, so that threads and processes of a test meet the same WAL database as in production
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(_data / "test.sqlite3")}  # noqa: F405

# static files straight from where they lie: no collectstatic before a test run
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
