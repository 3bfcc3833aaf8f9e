from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("replication", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="node_ids",
            field=models.JSONField(blank=True, default=list, help_text="only these nodes; empty: all the kind concerns"),
        ),
    ]
