"""The contents of the object store, which were files."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def leave_parts_as_they_are(apps, schema_editor) -> None:
    """Sealed bytes do not get smaller: PostgreSQL need not try."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE replication_contentpart ALTER COLUMN data SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = [("replication", "0007_watch_memory")]

    operations = [
        migrations.CreateModel(
            name="NameKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("wrapped", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="StoredContent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.BinaryField(max_length=32, null=True, unique=True)),
                ("head", models.BinaryField(default=b"")),
                ("size", models.BigIntegerField(default=0)),
                ("secret", models.BooleanField()),
                ("used_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="ContentPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                (
                    "content",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="replication.storedcontent",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("content", "number"), name="part_once")]},
        ),
        migrations.RunPython(leave_parts_as_they_are, migrations.RunPython.noop),
    ]
