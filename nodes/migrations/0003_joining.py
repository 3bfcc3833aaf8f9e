import django.db.models.deletion
import nodes.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("nodes", "0002_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="node",
            name="joining",
            field=models.CharField(
                choices=[
                    ("registered", "Not joined"),
                    ("joining", "Joining"),
                    ("joined", "Joined"),
                    ("leaving", "Leaving"),
                    ("left", "Left"),
                ],
                default="registered",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="node",
            name="joining_by",
            field=models.CharField(blank=True, help_text="who confirmed joining or leaving last", max_length=150),
        ),
        migrations.AddField(
            model_name="node",
            name="joining_since",
            field=models.DateTimeField(help_text="when `joining` became what it is", null=True),
        ),
        migrations.AddField(
            model_name="inidecision",
            name="values",
            field=nodes.fields.SealedField(
                help_text="the primary's and the node's value when last compared, as JSON", null=True
            ),
        ),
        migrations.CreateModel(
            name="NetworkSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("networks", models.JSONField(help_text="CIDR blocks")),
                ("ssh_ports", models.JSONField()),
                ("smtp_ports", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Waiting for a worker"),
                            ("running", "Running"),
                            ("succeeded", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("total", models.PositiveIntegerField()),
                ("done", models.PositiveIntegerField(default=0)),
                (
                    "sockets",
                    models.PositiveIntegerField(
                        default=0, help_text="the most connections that were open at once"
                    ),
                ),
                ("requested_by", models.CharField(max_length=150)),
                ("cancelled_by", models.CharField(blank=True, max_length=150)),
                ("owner", models.CharField(blank=True, max_length=120)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("beat_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "cluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="searches", to="nodes.cluster"
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="SearchHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.GenericIPAddressField()),
                ("services", models.JSONField()),
                ("host_name", models.CharField(blank=True, max_length=255)),
                ("product", models.BooleanField(default=False)),
                ("version", models.CharField(blank=True, max_length=60)),
                (
                    "search",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hits", to="nodes.networksearch"
                    ),
                ),
            ],
            options={"ordering": ["-product", "id"]},
        ),
        migrations.AddConstraint(
            model_name="networksearch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["requested", "running"])),
                fields=("cluster",),
                name="one_search_per_cluster",
            ),
        ),
        migrations.AddConstraint(
            model_name="searchhit",
            constraint=models.UniqueConstraint(fields=("search", "address"), name="one_hit_per_address"),
        ),
    ]
