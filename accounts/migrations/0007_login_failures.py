"""Failed log-ins without what was typed; what the lockout's library kept of it goes."""

import django.utils.timezone
from django.db import migrations, models


def purge(apps, schema_editor):
    for name in ("AccessAttempt", "AccessFailureLog", "AccessLog"):
        apps.get_model("axes", name).objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0006_audit_chain"),
        ("axes", "0010_accessattemptexpiration"),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginFailure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64)),
                ("client", models.CharField(max_length=50)),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["name", "at"], name="accounts_lo_name_e9e282_idx"),
                    models.Index(fields=["client", "at"], name="accounts_lo_client_9af60e_idx"),
                ],
            },
        ),
        migrations.RunPython(purge, migrations.RunPython.noop),
    ]
