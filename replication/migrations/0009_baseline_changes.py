"""What is other than in a proven tree, so that few changes to it are not a new tree."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replication", "0008_contents")]

    operations = [
        migrations.AddField(
            model_name="baseline",
            name="changes_object",
            field=models.CharField(
                blank=True,
                default="",
                help_text="files that are other than in the tree, in the store; empty: none",
                max_length=64,
            ),
            preserve_default=False,
        ),
    ]
