from django.db import migrations, models


def _say_what_is_known(apps, schema_editor):
    """Secondaries proven to hold the newest snapshot are in sync; what the others lack the next look tells."""
    newest = {}
    for cluster, root in apps.get_model("replication", "Snapshot").objects.order_by("id").values_list("cluster", "root"):
        newest[cluster] = root
    nodes = apps.get_model("nodes", "Node").objects
    rows = apps.get_model("replication", "Baseline").objects.values_list("node", "node__cluster", "snapshot__root", "proven_at")
    for node, cluster, root, proven_at in rows:
        if root and root == newest.get(cluster):
            nodes.filter(pk=node).update(compared_at=proven_at)


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0006_verdict"),
        ("replication", "0004_conflicts_by_content"),
    ]

    operations = [
        migrations.AddField(
            model_name="baseline",
            name="held_root",
            field=models.CharField(blank=True, help_text="empty: all of the snapshot", max_length=64),
        ),
        migrations.RunPython(_say_what_is_known, migrations.RunPython.noop),
    ]
