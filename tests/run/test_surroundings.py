"""A test run does not go by what its caller has in the environment, ignores, or wants of new files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.deadlines import PATIENCE
from tests.tools import ROOT, tool

HOSTILE = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/portal",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DJANGO_SETTINGS_MODULE": "clusterportal.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
    "CLUSTERPORTAL_LEASE": "0.001",
    "CLUSTERPORTAL_HOSTS": "portal.example",
    "PYTHONWARNINGS": "ignore",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Pacific/Kiritimati",
    "SSH_AUTH_SOCK": "/nonexistent",
    "WEB_CONCURRENCY": "7",
    "http_proxy": "http://127.0.0.1:1",
    "no_proxy": "intranet.example",
}
INSIDE = """
import os, signal, urllib.request
from pathlib import Path

from django.conf import settings


def test_it_is_neutral(tmp_path: Path) -> None:
    gone = {"REDIS_URL", "DATABASE_URL", "CLUSTERPORTAL_LEASE", "CLUSTERPORTAL_HOSTS", "SSH_AUTH_SOCK", "LANG"}
    gone |= {"DJANGO_ALLOW_ASYNC_UNSAFE", "PYTHONWARNINGS", "WEB_CONCURRENCY"}
    assert gone & os.environ.keys() == set()
    assert settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    assert settings.SETTINGS_MODULE == "tests.settings"
    assert os.environ["LC_ALL"] == "C.UTF-8"
    assert settings.PORTAL.lease > 1
    assert urllib.request.proxy_bypass("127.0.0.1") and urllib.request.proxy_bypass("intranet.example")
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
"""


def test_a_run_in_hostile_surroundings(tmp_path: Path) -> None:
    """A pytest of its own, started as from a shell whose user has another portal, another country, and no signals."""
    inside = tmp_path / "test_inside.py"
    inside.write_text(INSIDE)
    deaf = ("--ignore-signal=HUP,INT,QUIT,TERM", "--block-signal=USR1")
    argv = [tool("env"), *deaf, sys.executable, "-m", "pytest", "-q", f"--rootdir={ROOT}", "-c", "pyproject.toml"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*argv, str(inside)],
        cwd=ROOT,
        env={**kept, **HOSTILE, "CLUSTERPORTAL_DATA": str(tmp_path / "data")},
        umask=0o077,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
