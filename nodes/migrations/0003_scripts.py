"""What was last seen of the portal's scripts on a node."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodes", "0002_clustering")]

    operations = [
        migrations.AddField(
            model_name="nodefacts",
            name="scripts",
            field=models.JSONField(
                blank=True, help_text="the portal's scripts on it; null where none are needed", null=True
            ),
        ),
    ]
