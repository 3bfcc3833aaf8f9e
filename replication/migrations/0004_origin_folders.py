from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("replication", "0003_origin"),
    ]

    operations = [
        migrations.AddField(
            model_name="origin",
            name="folders_object",
            field=models.CharField(
                blank=True, help_text="the folders that were there, in the store; empty: not known", max_length=64
            ),
        ),
    ]
