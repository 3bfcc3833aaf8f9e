"""One-time passwords end; those that are out have as long from now as a new one."""

from datetime import timedelta

from django.db import migrations, models
from django.utils import timezone


def forwards(apps, schema_editor):
    waiting = apps.get_model("accounts", "User").objects.filter(must_change_password=True)
    waiting.update(one_time_until=timezone.now() + timedelta(days=3))


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0003_looks_of_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="one_time_until",
            field=models.DateTimeField(blank=True, help_text="until when a one-time password lets in", null=True),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
