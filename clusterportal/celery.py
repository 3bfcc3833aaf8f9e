"""The Celery app: two queues and the beat table. Messages only wake workers; the database is the queue."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery, Task
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from celery.signals import setup_logging
from django.conf import settings
from django.db import DatabaseError
from kombu.transport.redis import Channel, Transport

from accounts.database import DatabaseAway, is_away

_LOG = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clusterportal.settings")


class BrokerChannel(Channel):
    """A channel whose connection may go at any moment. What is done with its messages after that would ask the
    connection that is gone, and end the worker (seen of both). Nothing is lost without it: the rows are the queue."""

    do_restore = False
    """Give unacknowledged messages back when the connection is closed."""

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message, as long as there is somebody who could hear it."""
        if self.connection is not None:
            super().basic_ack(delivery_tag, multiple=multiple)


Transport.Channel = BrokerChannel
# how long a worker's question for messages stands at the broker: messages come at once all the same, and one that waits
# need not ask every second (kombu's default)
Transport.brpop_timeout = 10


class PortalTask(Task):
    """A database that is away is said in a line; the next message or sweep does the work. All else keeps its
    traceback."""

    throws = (DatabaseAway,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do the task. Raises DatabaseAway in place of the driver's error."""
        try:
            return self.run(*args, **kwargs)
        except DatabaseError as error:
            if is_away(error):
                raise DatabaseAway(str(error)) from None
            raise


class Beat(PersistentScheduler):
    """The timer. A full disk makes it forget, at its next start, what it did last; it must not end it."""

    def sync(self) -> None:
        """Keep when each entry was last due."""
        try:
            super().sync()
        except OSError as error:
            _LOG.warning("when the timer's entries were last due could not be kept: %s", error)


@setup_logging.connect
def _log_as_the_portal_does(loglevel: int = logging.INFO, **_: Any) -> None:
    """Celery would put a handler of its own in the place of ours, which blanks secrets. Its level is for its own."""
    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger("celery").setLevel(loglevel)


app = Celery("clusterportal", task_cls=PortalTask)


def configuration() -> dict[str, Any]:
    """Everything Celery is told. Read when first needed, not on import: settings may be in the making then."""
    return {
        "broker_url": settings.REDIS_URL,
        "broker_connection_retry_on_startup": True,
        # a broker that refuses to write, because its disk is full, is waited for as one that is away: it ended the
        # workers (seen)
        "broker_channel_error_retry": True,
        # kombu sweeps unacknowledged messages only about every 100 s by default; measured: 9 s with these
        "broker_transport_options": {
            "visibility_timeout": 3600,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            # a broker that is away must not hold a request: measured 6 s by default, 0.2 s with these
            "max_retries": 2,
            "interval_start": 0,
            "interval_step": 0.1,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
        },
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,
        "task_ignore_result": True,
        # taken is done with, for the same reason: an acknowledgement after the broker died ends its worker, too
        "task_acks_late": False,
        "worker_prefetch_multiplier": 1,
        "worker_redirect_stdouts": False,
        "task_default_queue": "default",
        "task_routes": {
            "nodes.tasks.observe": {"queue": "remote"},
            "nodes.tasks.read_queues": {"queue": "remote"},
            "nodes.tasks.search": {"queue": "remote"},
            "replication.tasks.find_keys": {"queue": "remote"},
            "replication.tasks.plan": {"queue": "remote"},
            "replication.tasks.drive": {"queue": "remote"},
            "replication.tasks.watch": {"queue": "remote"},
        },
        "timezone": "UTC",
        "beat_schedule": beat_table(),
        "beat_scheduler": "clusterportal.celery:Beat",
    }


def beat_table() -> dict[str, Any]:
    """What is done again and again, and how often."""
    return {
        # wake what was not woken, take over what a dead worker held; a second beat does no harm
        "sweep": {
            "task": "replication.tasks.sweep",
            "schedule": settings.PORTAL.sweep,
            "options": {"expires": 60},
        },
        # every minute: read the facts of nodes that were not asked for a while (five minutes unless set)
        "observe": {"task": "nodes.tasks.observe_due", "schedule": 60.0},
        # what waits in the queues of nodes that share them, or shall
        "count queues": {"task": "nodes.tasks.read_queues", "schedule": 60.0, "options": {"expires": 60}},
        # who is there; and what others changed on secondaries
        "reach": {"task": "nodes.tasks.reach", "schedule": settings.PORTAL.reach, "options": {"expires": 20}},
        "compare": {
            "task": "replication.tasks.compare",
            "schedule": settings.PORTAL.compare,
            "options": {"expires": 60},
        },
        # every five minutes: whose files are to be hashed anew by now (daily unless set)
        "verify": {"task": "replication.tasks.verify", "schedule": 300.0, "options": {"expires": 300}},
        "check": {"task": "nodes.tasks.check_all", "schedule": 60.0, "options": {"expires": 60}},
        "prune": {"task": "nodes.tasks.prune_cluster_logs", "schedule": 3600.0, "options": {"expires": 3600}},
        # once a day, at night in UTC: retention of stored content. A beat that was down then does it on its return
        "keep house": {
            "task": "replication.tasks.keep_house",
            "schedule": crontab(hour="3", minute="20"),
            "options": {"expires": 6 * 3600},
        },
        # once a day as well: the whole audit log, and its newest hash into the log
        "verify audit": {
            "task": "accounts.tasks.verify_audit",
            "schedule": crontab(hour="2", minute="50"),
            "options": {"expires": 6 * 3600},
        },
    }


app.add_defaults(configuration)
app.autodiscover_tasks(["accounts", "nodes", "replication"])
