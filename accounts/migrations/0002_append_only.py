"""The database itself refuses to change or delete audit events."""

from django.db import migrations

from accounts import append_only


def forwards(apps, schema_editor):
    append_only.create(schema_editor.connection, [append_only.EVENTS])


def backwards(apps, schema_editor):
    append_only.drop(schema_editor.connection, [append_only.EVENTS])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(forwards, backwards),
    ]
