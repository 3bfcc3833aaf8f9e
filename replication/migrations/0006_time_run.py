"""For how long somebody worked on a job and on each of its nodes, apart from the time it waited, and how fast."""

from __future__ import annotations

import datetime

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import DurationField, ExpressionWrapper, F


def fill(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """What ended before ran, as far as is known, from its start to its end without the wait for an approval."""
    job, target = apps.get_model("replication", "Job"), apps.get_model("replication", "Target")
    whole = F("ended_at") - F("started_at")
    for model in (job, target):
        ended = model.objects.filter(started_at__isnull=False, ended_at__isnull=False)
        ended.update(ran=ExpressionWrapper(whole, output_field=DurationField()))
    asked = job.objects.filter(started_at__isnull=False, ended_at__isnull=False, approved_at__gte=F("planned_at"))
    waited = F("approved_at") - F("planned_at")
    asked.update(ran=ExpressionWrapper(F("ran") - waited, output_field=DurationField()))


class Migration(migrations.Migration):
    dependencies = [("replication", "0005_held_tree")]

    operations = [
        *(
            migrations.AddField(
                model_name=name,
                name="sending_since",
                field=models.DateTimeField(help_text="since when this try has been sending", null=True),
            )
            for name in ("job", "target")
        ),
        *(
            migrations.AddField(
                model_name=name,
                name="worked_since",
                field=models.DateTimeField(help_text="since when somebody works on it now", null=True),
            )
            for name in ("job", "target")
        ),
        *(
            migrations.AddField(
                model_name=name,
                name="ran",
                field=models.DurationField(
                    default=datetime.timedelta(), help_text="for how long somebody worked on it before that"
                ),
            )
            for name in ("job", "target")
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
