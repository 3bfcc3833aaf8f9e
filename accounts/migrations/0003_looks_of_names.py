"""What each user's name looks like, once for all that look so.

Of names too much alike the oldest keeps its look; the others keep working, under none, and are named in the log: give
their owners another account. A name like the portal's own has none either.
"""

import logging

from django.db import migrations, models

from accounts.names import RESERVED, looks_of


def forwards(apps, schema_editor):
    reserved = [looks_of(name) for name in RESERVED]
    typed = {look.typed: "the portal itself" for look in reserved}
    small = {look.small: "the portal itself" for look in reserved}
    for user in apps.get_model("accounts", "User").objects.order_by("pk"):
        look = looks_of(user.username)
        other = typed.get(look.typed) or small.get(look.small)
        if other is not None:
            logging.getLogger(__name__).warning("the user name %r looks like that of %s", user.username, other)
            continue
        typed[look.typed] = small[look.small] = repr(user.username)
        user.look_typed, user.look_small = look.typed, look.small
        user.save(update_fields=["look_typed", "look_small"])


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0002_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="look_typed",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="look_small",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True),
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="user",
            name="look_typed",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="user",
            name="look_small",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True),
        ),
    ]
