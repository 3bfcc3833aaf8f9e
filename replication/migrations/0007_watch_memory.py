"""What every look of the watch writes is small: its memory has a row of its own. The one there was is not carried over:
the next look finds again what differs."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('replication', '0006_time_run'),
    ]

    operations = [
        migrations.CreateModel(
            name='WatchMemory',
            fields=[
                ('watch', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='memory', serialize=False, to='replication.watch')),
                ('document', models.JSONField(blank=True, default=dict)),
            ],
        ),
        migrations.RemoveField(
            model_name='watch',
            name='memory',
        ),
        migrations.AddField(
            model_name='watch',
            name='set_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='when both were set; to come: the clock was set back'),
        ),
        migrations.AlterField(
            model_name='watch',
            name='due_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
    ]
