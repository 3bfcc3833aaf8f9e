"""Typed, loud readers of the environment, and the portal's own numbers as one frozen value."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Env:
    """Reads variables; a value of the wrong shape stops the program with a sentence."""

    def __init__(self) -> None:
        self._env = environ.Env()

    def text(self, name: str, default: str) -> str:
        """A text."""
        return str(self._env.str(name, default))

    def flag(self, name: str, default: bool) -> bool:
        """True or False."""
        return bool(self._env.bool(name, default))

    def texts(self, name: str, default: list[str]) -> list[str]:
        """Comma-separated texts."""
        return [str(item) for item in self._env.list(name, default=default)]

    def networks(self, name: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Comma-separated networks as address/bits; none by default."""
        try:
            return tuple(ipaddress.ip_network(text.strip()) for text in self.texts(name, []) if text.strip())
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must be networks such as 198.51.100.0/24: {error}") from error

    def number(self, name: str, default: float, *, zero: bool = False) -> float:
        """A positive number; 0, too, where that means something (`zero`)."""
        try:
            value = float(self._env.str(name, str(default)))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must be a number") from error
        if not 0 <= value < 1e9 or (value == 0 and not zero):
            raise ImproperlyConfigured(f"{name} must be a positive number{' or 0' if zero else ''}")
        return value

    def secret(self, name: str, path: Path) -> str:
        """A secret from NAME, from the file named by NAME_FILE, or from `path`. There is no default."""
        value = str(self._env.str(name, ""))
        source = Path(self._env.str(f"{name}_FILE", str(path)))
        if not value:
            value = _content(source)
        if len(value) < 40:
            raise ImproperlyConfigured(
                f"No {name} of 40 characters is in {source}. Is CLUSTERPORTAL_DATA the portal's data folder? "
                f"./run makes the key of a new portal; or set {name}_FILE."
            )
        return value

    def database(self, path: Path) -> dict[str, Any]:
        """DATABASE_URL, else SQLite tuned for several processes: WAL, immediate transactions, long busy time-out."""
        if self._env.str("DATABASE_URL", ""):
            # a connection that the server closed meanwhile (a restart) is noticed before it is used again
            return dict(self._env.db("DATABASE_URL"), CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }


def _content(source: Path) -> str:
    try:
        return source.read_text("utf-8").strip() if source.is_file() else ""
    except OSError as error:
        raise ImproperlyConfigured(
            f"{source} cannot be read: {error.strerror}. Run this as the portal's user."
        ) from error


@dataclass(frozen=True, slots=True)
class Portal:
    """Numbers an operator may tune, in seconds unless said; docs/operating.md has their defaults.

    lease: how long a worker owns what it claimed. renew: how often it says it is alive, by progress. operation: the
    longest single act on a node, and so the margin kept before a lease ends. sweep: how often expired work is taken
    over. connect: to reach and log in to a node. silence: how long a node may show no sign of life when it is
    called, or while it is worked with, before it counts as hung. command: one remote command. question: one that only
    asks what the node is. listing, listing_names, listing_mib: how long listing a node's files may take over SFTP, how
    many names it may bring, and how many MiB. slowest: bytes a second that a node moves at least, and behind: how far
    it may fall behind that. waits: how long one act on a node may wait for it in all, beyond what it moves.
    target_workers: nodes of one cluster worked on at once. reach: how often nodes are asked whether they are there.
    compare: how often secondaries are looked at for edits. deep: hours from one deep verify of a cluster to the next;
    0: none by itself. observe: how old a node's facts may get before they are read again. fresh: how old version and
    clock may be when a replication is planned. cluster_log_days, cluster_log_lines: what a cluster's log keeps.
    secret_days: days that stored content of secret-bearing files is kept once nothing in use needs it. unused_days: the
    same for what no row refers to. job_days: days that ended jobs are kept; jobs_least, jobs_most: how many of a
    cluster's newest stay longer, and from how many on the oldest go sooner. profile_folder: where further product
    profiles lie. head: how long the web server waits for the head of a request, and for who does not read. connections:
    how many it has at once, and connections_each: how many from one address.
    """

    lease: float
    renew: float
    operation: float
    sweep: float
    connect: float
    silence: float
    command: float
    question: float
    listing: float
    listing_names: int
    listing_mib: float
    slowest: float
    behind: float
    waits: float
    target_workers: int
    reach: float
    compare: float
    deep: float
    observe: float
    fresh: float
    cluster_log_days: float
    cluster_log_lines: int
    secret_days: float
    unused_days: float
    job_days: float
    jobs_least: int
    jobs_most: int
    profile_folder: str
    head: float
    connections: int
    connections_each: int


def portal_from(env: Env) -> Portal:
    """Read the portal's numbers. Raises ImproperlyConfigured where they contradict each other."""
    portal = Portal(
        lease=env.number("CLUSTERPORTAL_LEASE", 20),
        renew=env.number("CLUSTERPORTAL_RENEW", 5),
        operation=env.number("CLUSTERPORTAL_OPERATION", 10),
        sweep=env.number("CLUSTERPORTAL_SWEEP", 10),
        connect=env.number("CLUSTERPORTAL_CONNECT", 15),
        silence=env.number("CLUSTERPORTAL_SILENCE", 4),
        command=env.number("CLUSTERPORTAL_COMMAND", 120),
        question=env.number("CLUSTERPORTAL_QUESTION", 30),
        listing=env.number("CLUSTERPORTAL_LISTING", 600),
        listing_names=int(env.number("CLUSTERPORTAL_LISTING_NAMES", 200_000)),
        listing_mib=env.number("CLUSTERPORTAL_LISTING_MIB", 32),
        slowest=env.number("CLUSTERPORTAL_SLOWEST", 2048),
        behind=env.number("CLUSTERPORTAL_BEHIND", 60),
        waits=env.number("CLUSTERPORTAL_WAITS", 3600),
        target_workers=int(env.number("CLUSTERPORTAL_TARGET_WORKERS", 32)),
        reach=env.number("CLUSTERPORTAL_REACH", 20),
        compare=env.number("CLUSTERPORTAL_COMPARE", 60),
        deep=env.number("CLUSTERPORTAL_DEEP", 24, zero=True),
        observe=env.number("CLUSTERPORTAL_OBSERVE", 300),
        fresh=env.number("CLUSTERPORTAL_FRESH", 60),
        cluster_log_days=env.number("CLUSTERPORTAL_CLUSTER_LOG_DAYS", 90),
        cluster_log_lines=int(env.number("CLUSTERPORTAL_CLUSTER_LOG_LINES", 50_000)),
        secret_days=env.number("CLUSTERPORTAL_SECRET_DAYS", 30),
        unused_days=env.number("CLUSTERPORTAL_UNUSED_DAYS", 7),
        job_days=env.number("CLUSTERPORTAL_JOB_DAYS", 90),
        jobs_least=max(1, int(env.number("CLUSTERPORTAL_JOBS_LEAST", 1000))),
        jobs_most=max(1, int(env.number("CLUSTERPORTAL_JOBS_MOST", 20_000))),
        profile_folder=env.text("CLUSTERPORTAL_PROFILES", ""),
        head=env.number("CLUSTERPORTAL_HEAD", 15),
        connections=max(1, int(env.number("CLUSTERPORTAL_CONNECTIONS", 500))),
        connections_each=max(1, int(env.number("CLUSTERPORTAL_CONNECTIONS_EACH", 100))),
    )
    if not portal.renew < portal.lease - portal.operation:
        raise ImproperlyConfigured(
            "CLUSTERPORTAL_RENEW must be less than CLUSTERPORTAL_LEASE - CLUSTERPORTAL_OPERATION"
        )
    return portal
