"""Where a target is on its way through the phases of its kind."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replication", "0002_workers")]

    operations = [
        migrations.AddField(
            model_name="target",
            name="course",
            field=models.CharField(
                default="forward", help_text="forward, held or back (core.phases)", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="target",
            name="stage",
            field=models.PositiveSmallIntegerField(default=0, help_text="how many phases of its kind it has behind it"),
        ),
    ]
