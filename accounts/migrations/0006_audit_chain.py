"""A chain of hashes over the audit log. The events that there are already are linked here, as they stand now."""

import django.db.models.deletion
from django.db import migrations, models

from accounts import append_only
from accounts.chain import BATCH, Models, link_events


def forwards(apps, schema_editor):
    append_only.create(schema_editor.connection, [append_only.LINKS])
    rows = Models(*(apps.get_model("accounts", name) for name in ("AuditEvent", "AuditLink", "AuditChain")))
    while link_events(rows) >= BATCH:
        pass


def backwards(apps, schema_editor):
    append_only.drop(schema_editor.connection, [append_only.LINKS])


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0005_second_factor_policy"),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditChain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('length', models.BigIntegerField(default=0)),
                ('digest', models.CharField(default='0000000000000000000000000000000000000000000000000000000000000000', max_length=64)),
                ('start', models.BigIntegerField(default=0)),
                ('verified_at', models.DateTimeField(null=True)),
                ('trouble', models.TextField(blank=True, default='')),
                ('trouble_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='AuditLink',
            fields=[
                ('position', models.BigIntegerField(help_text='1, 2, 3, without a gap', primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('event', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, related_name='link', to='accounts.auditevent')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RunPython(forwards, backwards),
    ]
