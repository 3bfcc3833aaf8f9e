"""What a test run must not inherit from whoever started it: variables, ignored signals, umask, time zone, language.

Called before the portal's settings are read. Processes that a test starts inherit what is made here.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping

DATABASE = "CLUSTERPORTAL_TESTS_DATABASE"
"""The database to run tests on, as DATABASE_URL; a caller's own DATABASE_URL is their portal's."""

KEPT = frozenset({"CLUSTERPORTAL_DATA", "CLUSTERPORTAL_FULL", "CLUSTERPORTAL_HOUR", "DJANGO_SETTINGS_MODULE"})
FORGOTTEN = (
    *("CLUSTERPORTAL_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "REDISCLI_", "CELERY_", "C_FORCE_ROOT"),
    *("FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "UVICORN_", "PYTHON", "PG", "SSH_", "WINE", "PLAYWRIGHT_"),
    *("LANG", "LC_", "TZ", "LD_PRELOAD", "FAKETIME", "OPENSSL_", "ENV", "BASH_ENV", "CDPATH", "DISPLAY", "WAYLAND_"),
)
"""What the names begin with. Proxies, caches and package indexes stay: the lab inside Wine is fetched through them."""

SET = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
LOOPBACK = "127.0.0.1,localhost,::1"
SIGNALS = (
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def neutral() -> None:
    """Make this process, and so those it starts, independent of the caller's."""
    for name in [*_forgotten(os.environ)]:
        del os.environ[name]
    os.environ.update(_set(os.environ))
    time.tzset()
    os.umask(0o022)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _forgotten(environment: Mapping[str, str]) -> Iterator[str]:
    return (name for name in environment if name.startswith(FORGOTTEN) and name not in {*KEPT, DATABASE})


def _set(environment: Mapping[str, str]) -> dict[str, str]:
    """What every test run has; a proxy is never between a test and its own servers."""
    direct = {name: ",".join(filter(None, (environment.get(name), LOOPBACK))) for name in ("no_proxy", "NO_PROXY")}
    database = {"DATABASE_URL": environment[DATABASE]} if DATABASE in environment else {}
    return SET | direct | database
