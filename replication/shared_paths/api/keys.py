"""Where servers' files say the places of shared folders, over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.clusters.api import OfCluster
from nodes.enums import KeySource, SearchState
from nodes.shares.models import FolderKey
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn, StrictInput
from replication.shared_paths.core.keys import Holds
from replication.shared_paths.selectors.keys import keys_shown
from replication.shared_paths.services import keys
from replication.shared_paths.services.keys import MAX_SWITCH, KeyPlace
from replication.shared_paths.tasks import wake_for_keys


class KeyPlaceIn(StrictInput):
    """A key of a folder, or, with the role `routing`, the switch of multi-node mail routing."""

    role = serializers.CharField(max_length=40)
    path = serializers.CharField(max_length=400, help_text="relative to the installation folder")
    section = serializers.CharField(max_length=200)
    key = serializers.CharField(max_length=200)


class NamedKeyIn(KeyPlaceIn):
    """A key that somebody names; `on` and `off` only for the switch."""

    on = serializers.CharField(max_length=MAX_SWITCH, allow_blank=True, default="")
    off = serializers.CharField(max_length=MAX_SWITCH, allow_blank=True, default="")


class ConfirmIn(StrictInput):
    """Keys to be confirmed, as they were read from the primary."""

    keys = serializers.ListField(child=KeyPlaceIn(), min_length=1, max_length=100)


class KeptByOut(serializers.Serializer[object]):
    """A secondary that keeps the key as its own, so that it is not replicated to it."""

    node = serializers.IntegerField(source="node_id", read_only=True)
    node_name = serializers.CharField(source="node", read_only=True)


class ConfirmedKeyOut(serializers.Serializer[object]):
    """A confirmed key. `line`: as it stood when the primary was last searched, null where it was not there or not
    looked for."""

    id = serializers.IntegerField(source="key.pk", read_only=True)
    role = serializers.CharField(source="key.role", read_only=True)
    path = serializers.CharField(source="key.path", read_only=True)
    section = serializers.CharField(source="key.section", read_only=True)
    key = serializers.CharField(source="key.key", read_only=True)
    below = serializers.CharField(source="key.below", read_only=True)
    on = serializers.CharField(source="key.on", read_only=True)
    off = serializers.CharField(source="key.off", read_only=True)
    source = serializers.ChoiceField(KeySource.choices, source="key.source", read_only=True)  # type: ignore[assignment]
    evidence = serializers.CharField(source="key.evidence", read_only=True)
    by = serializers.CharField(source="key.by", read_only=True)
    at = serializers.DateTimeField(source="key.at", read_only=True)
    line = serializers.CharField(source="now.shown", read_only=True, default=None, allow_null=True)
    is_set = serializers.BooleanField(read_only=True, help_text="it held the wanted path")
    kept = KeptByOut(many=True, read_only=True)


class FolderKeyOut(serializers.ModelSerializer[FolderKey]):
    """A key as it was confirmed."""

    class Meta:
        model = FolderKey
        fields = ["id", "role", "path", "section", "key", "below", "on", "off", "source", "evidence", "by", "at"]
        read_only_fields = fields


class KeyCandidateOut(serializers.Serializer[object]):
    """A key that may be confirmed. `shown`: its line, masked where it looks like a secret. `others`: other folders
    whose place it holds as well."""

    role = serializers.CharField(source="found.role", read_only=True)
    path = serializers.CharField(source="found.path", read_only=True)
    section = serializers.CharField(source="found.section", read_only=True)
    key = serializers.CharField(source="found.key", read_only=True)
    line = serializers.IntegerField(source="found.line", read_only=True)
    shown = serializers.CharField(source="found.shown", read_only=True)
    holds = serializers.ChoiceField([(one.value, one.value) for one in Holds], source="found.holds", read_only=True)
    below = serializers.CharField(source="found.below", read_only=True)
    typed_by = serializers.CharField(source="found.typed_by", read_only=True)
    others = serializers.ListField(child=serializers.CharField(), read_only=True)


class KeysOfFolderOut(serializers.Serializer[object]):
    """One folder. `by_hand`: the line that says the wanted path although no key is confirmed. `is_nowhere`: no file
    names a place for it; set it in MDaemon on the primary."""

    role = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    today = serializers.CharField(read_only=True)
    wanted = serializers.CharField(read_only=True)
    by_hand = serializers.CharField(read_only=True)
    is_ambiguous = serializers.BooleanField(read_only=True)
    is_nowhere = serializers.BooleanField(read_only=True)
    more = serializers.BooleanField(read_only=True, help_text="there are more keys than are told")
    keys = ConfirmedKeyOut(many=True, read_only=True)
    candidates = KeyCandidateOut(many=True, read_only=True)


class NamedKeyOut(serializers.Serializer[object]):
    """A key that somebody named and nobody confirmed. `missing`: it was not in the file when that was read."""

    id = serializers.CharField(read_only=True)
    role = serializers.CharField(source="place.role", read_only=True)
    path = serializers.CharField(source="place.path", read_only=True)
    section = serializers.CharField(source="place.section", read_only=True)
    key = serializers.CharField(source="place.key", read_only=True)
    by = serializers.CharField(source="place.by", read_only=True)
    missing = serializers.BooleanField(read_only=True)


class UnreadFileOut(serializers.Serializer[object]):
    """A file that could not be looked into."""

    path = serializers.CharField(read_only=True)
    why = serializers.CharField(read_only=True)


class KeysOut(serializers.Serializer[object]):
    """All keys of a cluster's shared folders. `state` null: nobody searched yet. `found_at`: when the primary was
    read."""

    state = serializers.ChoiceField(
        SearchState.choices, source="search.state", read_only=True, default=None, allow_null=True
    )
    done = serializers.IntegerField(source="search.done", read_only=True, default=0)
    total = serializers.IntegerField(source="search.total", read_only=True, default=0)
    error = serializers.CharField(source="search.error", read_only=True, default="")
    found_at = serializers.DateTimeField(source="search.found_at", read_only=True, default=None, allow_null=True)
    folders = KeysOfFolderOut(many=True, read_only=True)
    named = NamedKeyOut(source="typed", many=True, read_only=True)
    unread = UnreadFileOut(many=True, read_only=True)


class _View(OfCluster):
    def answer(self, cluster_id: int, code: int = status.HTTP_200_OK) -> Response:
        """Everything as it is now. Raises Http404."""
        return Response(KeysOut(keys_shown(self.cluster(cluster_id))).data, status=code)


class KeysView(_View):
    """The keys of a cluster's shared folders."""

    @extend_schema(
        summary="List where files say the shared folders", operation_id="clusters_shared_keys", responses=KeysOut
    )
    def get(self, request: Request, cluster_id: int) -> Response:
        """What was confirmed, and what was found on the primary when it was last searched."""
        return self.answer(cluster_id)

    @extend_schema(
        summary="Confirm keys of shared folders",
        operation_id="clusters_shared_keys_confirm",
        request=ConfirmIn,
        responses={201: FolderKeyOut(many=True)},
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """All of them, or none. Only what a search read from the primary can be confirmed. Nothing is written to it."""
        cluster = self.cluster(cluster_id)
        ids = [KeyPlace(**one).id for one in checked(ConfirmIn, request)["keys"]]
        confirmed = keys.confirm_keys(self.principal, cluster_id=cluster.pk, ids=ids)
        return Response(FolderKeyOut(confirmed, many=True).data, status=status.HTTP_201_CREATED)


class KeyView(OfCluster):
    """One confirmed key."""

    @extend_schema(
        summary="Withdraw a key", operation_id="clusters_shared_keys_withdraw", request=None, responses={204: None}
    )
    def delete(self, request: Request, cluster_id: int, key_id: int) -> Response:
        """What the servers' files say stays as it is."""
        keys.withdraw_key(self.principal, cluster_id=self.cluster(cluster_id).pk, key_id=key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeySearchView(_View):
    """The search on the primary."""

    @extend_schema(
        summary="Search the primary for keys of shared folders",
        operation_id="clusters_shared_keys_search",
        request=EmptyIn,
        responses={202: KeysOut},
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """A worker reads its ini files; nothing is written there. Poll until it has ended."""
        cluster = self.cluster(cluster_id)
        checked(EmptyIn, request)
        keys.ask_to_search(self.principal, cluster_id=cluster.pk)
        wake_for_keys(cluster.pk)
        return self.answer(cluster.pk, status.HTTP_202_ACCEPTED)


class NamedKeysView(_View):
    """Keys that people name."""

    @extend_schema(
        summary="Name a key of a shared folder",
        operation_id="clusters_shared_keys_name",
        request=NamedKeyIn,
        responses={202: KeysOut},
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """A worker reads it from the primary; then it can be confirmed."""
        cluster = self.cluster(cluster_id)
        body = checked(NamedKeyIn, request)
        on, off = body.pop("on"), body.pop("off")
        keys.type_key(self.principal, cluster_id=cluster.pk, place=KeyPlace(**body), on=on, off=off)
        wake_for_keys(cluster.pk)
        return self.answer(cluster.pk, status.HTTP_202_ACCEPTED)


class NamedKeyView(OfCluster):
    """A key that somebody named."""

    @extend_schema(
        summary="Take back a key that was named",
        operation_id="clusters_shared_keys_take_back",
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request, cluster_id: int, key_id: str) -> Response:
        """Taken back already is fine."""
        keys.take_back(self.principal, cluster_id=self.cluster(cluster_id).pk, key_id=key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
