"""Which services a node runs, and as whom."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodes", "0004_reaches")]

    operations = [
        migrations.AddField(
            model_name="nodefacts",
            name="services",
            field=models.JSONField(
                blank=True, default=list, help_text="the mail server's services, where they can be asked"
            ),
        ),
    ]
