"""Django's handle on this room."""

from importlib import import_module

from django.apps import AppConfig

KINDS = (
    "replication.configuration.kind",
    "replication.clustering.kind",
    "replication.membership.kind",
    "replication.shared_paths.apply_job.kind",
    "replication.shared_paths.test_job.kind",
    "replication.shared_paths.drain_job.kind",
)
"""Each package that brings a kind of job holds it under the name `KIND`."""

CAPABILITIES = ("console", "membership", "clustering", "watch", "shared_paths", "configuration", "jobs")
"""Each adds to the console's frame in its module `tabs`."""


class ReplicationConfig(AppConfig):
    """The app."""

    name = "replication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the kinds of job, which need the models, and fill the console's frame."""
        register = import_module("replication.jobs.kinds").register
        for package in KINDS:
            register(import_module(package).KIND)
        for capability in CAPABILITIES:
            import_module(f"replication.{capability}.tabs")
        # every new cluster gets its watch
        import_module("replication.watch.services")
        # keys that were rotated are the object store's concern too
        import_module("replication.objects.rotation")
        import_module("replication.objects.checks")
        # and what waits for nodes is tried at once where a person asks
        import_module("replication.jobs.services.at_once")
        import_module("replication.drift.tasks")
        # who waits to be replicated to
        import_module("replication.shared_paths.services.replicating")
