"""What jobs that switch features showed of files is forgotten: a switch could be named in a file that is secret."""

from __future__ import annotations

from typing import Any

from django.db import migrations

GONE = "What this said of the files was removed by an update of the portal."


def forget_values(apps: Any, _: Any) -> None:
    for job in apps.get_model("replication", "Job").objects.filter(kind="features").iterator():
        job.plan_summary = {key: value for key, value in job.plan_summary.items() if key not in ("diff", "switches")}
        job.save(update_fields=["plan_summary"])
    for target in apps.get_model("replication", "Target").objects.filter(job__kind="features").iterator():
        target.evidence = {key: value for key, value in target.evidence.items() if key != "switches"}
        target.save(update_fields=["evidence"])
    events = apps.get_model("replication", "JobEvent").objects
    events.filter(code__in=("features.diff", "features.read")).update(text=GONE)


class Migration(migrations.Migration):
    dependencies = [("replication", "0010_phases_of_jobs")]

    operations = [migrations.RunPython(forget_values, migrations.RunPython.noop)]
