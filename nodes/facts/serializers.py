"""What answers look like. Secrets have no field here, so that none can come out."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from nodes.facts.models import NodeFacts
from nodes.facts.selectors.scripts import STATE_CHOICES, scripts_of
from nodes.web.serializers import StrictInput


class FolderOut(serializers.Serializer[object]):
    """An effective folder of the node, and where that is known from.

    Fields take the place of DRF's own attributes of the same name only in its table of fields, never on the class.
    """

    role = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True)
    default_path = serializers.CharField(read_only=True)
    section = serializers.CharField(read_only=True, allow_blank=True)
    key = serializers.CharField(read_only=True, allow_blank=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    inside = serializers.CharField(
        read_only=True, allow_blank=True, help_text="relative to the installation folder; empty outside it"
    )


class ScriptsStateOut(serializers.Serializer[object]):
    """The portal's scripts on a node. `version`: of those the portal would bring now; `brought`: of those there."""

    state = serializers.ChoiceField(choices=STATE_CHOICES, read_only=True)
    version = serializers.CharField(read_only=True)
    brought = serializers.CharField(read_only=True, allow_blank=True)
    folder = serializers.CharField(read_only=True, help_text="below the home folder of the portal's account")


class ReachOut(serializers.Serializer[object]):
    """A shared folder outside the installation folder, of this node or of the primary, as seen from this node."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True)
    found = serializers.BooleanField(read_only=True, allow_null=True, help_text="null where it could not be tried")
    why = serializers.CharField(read_only=True, allow_blank=True, help_text="what stood in the way")


class SystemServiceOut(serializers.Serializer[object]):
    """A service whose program lies in the installation folder."""

    name = serializers.CharField(read_only=True)
    shown_name = serializers.CharField(read_only=True)
    state = serializers.IntegerField(read_only=True, help_text="1 stopped, 4 running, 0 not to be asked for")
    start = serializers.IntegerField(read_only=True, help_text="2 automatic, 3 on demand, 4 disabled")
    account = serializers.CharField(read_only=True, allow_blank=True)
    program = serializers.CharField(read_only=True)


class FactsOut(serializers.ModelSerializer[NodeFacts]):
    """What a node last said of itself; `errors` tells by fact why one is missing."""

    folders = FolderOut(many=True, read_only=True)
    reaches = ReachOut(many=True, read_only=True)
    services = SystemServiceOut(many=True, read_only=True)
    capabilities = serializers.DictField(child=serializers.BooleanField(), read_only=True)
    errors = serializers.DictField(child=serializers.CharField(), read_only=True)  # type: ignore[assignment]
    scripts = serializers.SerializerMethodField(help_text="null where the system needs none")

    @extend_schema_field(ScriptsStateOut(allow_null=True))
    def get_scripts(self, facts: NodeFacts) -> dict[str, object] | None:
        """As last seen."""
        shown = scripts_of(facts.node)
        return dict(ScriptsStateOut(shown).data) if shown else None

    class Meta:
        model = NodeFacts
        fields = [
            "read_at",
            "system",
            "host_name",
            "product_version",
            "version_source",
            "time_zone",
            "clock_offset_ms",
            "clock_uncertainty_ms",
            "disk_free",
            "disk_total",
            "folders",
            "reaches",
            "services",
            "capabilities",
            "scripts",
            "errors",
        ]
        read_only_fields = fields


class RefreshOut(serializers.Serializer[object]):
    """A refresh is under way; `read_at` of the facts passes `requested_at` when it is done."""

    requested_at = serializers.DateTimeField(read_only=True)
    facts = serializers.CharField(read_only=True, help_text="where the facts will be")


class ScriptsOut(serializers.Serializer[object]):
    """What changed in the portal's folder on a node; none where everything was as it should be."""

    files = serializers.ListField(child=serializers.CharField(), read_only=True)


class FeatureIn(StrictInput):
    """Where a feature's switch is."""

    path = serializers.CharField(max_length=400, help_text="relative to the installation folder")
    section = serializers.CharField(max_length=200, help_text="* for every section of the file")
    key = serializers.CharField(max_length=200)
    off = serializers.CharField(max_length=100, help_text="the value that switches the feature off")


class FeatureOut(serializers.Serializer[object]):
    """A feature, and where its switch is; empty where that is not known."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True, allow_blank=True)
    section = serializers.CharField(read_only=True, allow_blank=True)
    key = serializers.CharField(read_only=True, allow_blank=True)
    off = serializers.CharField(read_only=True, allow_blank=True)
    note = serializers.CharField(read_only=True, allow_blank=True)
