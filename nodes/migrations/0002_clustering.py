"""Whether clustering is enabled, and what a switched-off feature was given."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

NEW_REASON = "New: "
"""How the reason begins for which a cluster is paused that nobody has resumed yet."""


def enable_what_was_resumed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A cluster that somebody has resumed once replicates: its clustering is enabled."""
    clusters = apps.get_model("nodes", "Cluster").objects
    resumed = clusters.exclude(paused=True, paused_reason__startswith=NEW_REASON)
    resumed.update(clustering="on", clustering_since=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("nodes", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="cluster",
            name="clustering",
            field=models.CharField(
                choices=[
                    ("new", "Not enabled yet"),
                    ("on", "Enabled"),
                    ("ending", "Being disabled"),
                    ("off", "Disabled"),
                ],
                default="new",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="cluster",
            name="clustering_by",
            field=models.CharField(blank=True, help_text="who enabled or disabled it", max_length=150),
        ),
        migrations.AddField(
            model_name="cluster", name="clustering_since", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="featurememory",
            name="off",
            field=models.CharField(default="", max_length=100),
            preserve_default=False,
        ),
        migrations.RunPython(enable_what_was_resumed, migrations.RunPython.noop),
    ]
