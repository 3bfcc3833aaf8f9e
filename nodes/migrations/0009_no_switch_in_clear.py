"""What a feature's switch was before is sealed, and the values that were read from files are forgotten: a switch could
be named in a file that is secret."""

from __future__ import annotations

from typing import Any

from django.db import migrations

import nodes.fields
from nodes.secret import Secret

ON = "It is switched on"


def seal_what_is_remembered(apps: Any, _: Any) -> None:
    for row in apps.get_model("nodes", "FeatureMemory").objects.filter(restored_at=None):
        row.kept = Secret(row.value)
        row.save(update_fields=["kept"])


def forget_values(apps: Any, _: Any) -> None:
    """They are read anew with the next facts; verdicts and lines keep their words."""
    apps.get_model("nodes", "NodeFacts").objects.update(switches=[])
    for guard in apps.get_model("nodes", "Guard").objects.iterator():
        if ON in guard.evidence or any(ON in finding["evidence"] for finding in guard.findings):
            guard.evidence = without_value(guard.evidence)
            guard.findings = [row | {"evidence": without_value(row["evidence"])} for row in guard.findings]
            guard.save(update_fields=["evidence", "findings"])
    for line in apps.get_model("nodes", "ClusterLogLine").objects.filter(text__contains=f"{ON}: ").iterator():
        line.text = without_value(line.text)
        line.save(update_fields=["text"])


def without_value(text: str) -> str:
    before, found, _ = text.partition(ON)
    return f"{before}{ON}." if found else text


class Migration(migrations.Migration):
    dependencies = [("nodes", "0008_password_bindings")]

    operations = [
        migrations.AddField(
            "featurememory", "kept", nodes.fields.SealedField(help_text="until it was given back", null=True)
        ),
        migrations.RunPython(seal_what_is_remembered, migrations.RunPython.noop),
        migrations.RemoveField("featurememory", "value"),
        migrations.RenameField("featurememory", "kept", "value"),
        migrations.RunPython(forget_values, migrations.RunPython.noop),
    ]
