"""Whether a node finds the folders that all nodes share."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodes", "0003_scripts")]

    operations = [
        migrations.AddField(
            model_name="nodefacts",
            name="reaches",
            field=models.JSONField(
                blank=True, default=list, help_text="the shared folders outside, and whether the node finds them"
            ),
        ),
    ]
