"""A file that is edited twice during one job has two conflicts."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replication", "0003_phases")]

    operations = [
        migrations.RemoveConstraint(model_name="conflict", name="one_conflict_per_job_and_path"),
        migrations.AddConstraint(
            model_name="conflict",
            constraint=models.UniqueConstraint(
                fields=("job", "node", "path", "content"), name="one_conflict_per_job_and_content"
            ),
        ),
    ]
