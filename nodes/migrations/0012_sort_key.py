"""Names of nodes are sorted as people count: mx2 before mx10."""

from django.db import migrations, models

from nodes.natural import natural_key


def fill(apps, schema_editor):
    """What the model's save keeps from now on."""
    nodes = apps.get_model('nodes', 'Node').objects.order_by()
    for pk, name in list(nodes.values_list('pk', 'name')):
        nodes.filter(pk=pk).update(sort_key=natural_key(name))


class Migration(migrations.Migration):

    dependencies = [
        ('nodes', '0011_share_volume'),
    ]

    operations = [
        migrations.AddField(
            model_name='node',
            name='sort_key',
            field=models.CharField(default='', editable=False, help_text='`name` as lists are ordered by it', max_length=200),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name='node',
            options={'ordering': ['sort_key', 'name', 'pk']},
        ),
    ]
