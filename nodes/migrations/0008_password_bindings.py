"""Passwords are sent to servers only that they were typed for. Those in use were typed for the servers they are used
with, by their keys that are approved now."""

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone


def bind_what_is_in_use(apps, schema_editor):
    """One binding for each node that logs in by a password and has an approved host key."""
    nodes = apps.get_model('nodes', 'Node').objects.filter(
        credential__kind='password', host_keys__state='approved', quarantined_reason=''
    )
    columns = ('pk', 'credential_id', 'credential__secret_version', 'address', 'port', 'host_keys__fingerprint')
    binding = apps.get_model('nodes', 'PasswordBinding')
    now = timezone.now()
    binding.objects.bulk_create(
        binding(
            node_id=pk, credential_id=credential, secret_version=version, address=address, port=port,
            fingerprint=fingerprint, by='system', at=now,
        )
        for pk, credential, version, address, port, fingerprint in nodes.order_by().values_list(*columns)
    )


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0007_incomplete'),
    ]

    operations = [
        migrations.AddField(
            model_name='credential',
            name='secret_version',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.CreateModel(
            name='PasswordBinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret_version', models.PositiveIntegerField()),
                ('address', models.CharField(max_length=253)),
                ('port', models.PositiveIntegerField()),
                ('fingerprint', models.CharField(help_text='SHA256:...', max_length=80)),
                ('by', models.CharField(max_length=150)),
                ('at', models.DateTimeField()),
                ('credential', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bindings', to='nodes.credential')),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='password_bindings', to='nodes.node')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('node', 'credential'), name='one_password_binding_per_node')],
            },
        ),
        migrations.RunPython(bind_what_is_in_use, migrations.RunPython.noop),
    ]
