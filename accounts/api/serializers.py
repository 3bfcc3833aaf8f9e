"""The spelling of tokens, users and events in JSON. Decisions are in the services."""

from __future__ import annotations

from rest_framework import serializers

from accounts.api.base import IdField
from accounts.logins import Login
from accounts.models import ApiToken, AuditChain, AuditEvent, Demand, Role, User
from accounts.second_factor import state_of
from accounts.tokens import DEFAULT_DAYS, MAX_DAYS


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its secret. `id` is the secret's beginning, which names it."""

    id = serializers.CharField(source="token_key", read_only=True)
    owner = serializers.CharField(source="user.username", read_only=True)
    cluster_ids = serializers.ListField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "owner", "role", "cluster_ids", "created", "expiry"]
        read_only_fields = fields


class NewTokenSerializer(serializers.Serializer[None]):
    """What a token is to be."""

    name = serializers.CharField(max_length=100)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.VIEWER)
    cluster_ids = serializers.ListField(
        child=IdField(),
        default=list,
        max_length=1000,
        help_text="empty: all of the owner's",
    )
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=DEFAULT_DAYS, help_text="until it expires")


class IssuedTokenSerializer(TokenSerializer):
    """A new token with its secret, shown this once."""

    secret = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class UserSerializer(serializers.ModelSerializer[User]):
    """A person or an automation account."""

    email = serializers.CharField(read_only=True, help_text="empty where none is known")
    portal_role = serializers.ChoiceField(
        Role.choices, read_only=True, allow_blank=True, help_text="empty: roles on single clusters only"
    )

    second_factor = serializers.SerializerMethodField(help_text="whether one is set up")

    class Meta:
        model = User
        fields = [
            "id",
            "username",
            "email",
            "portal_role",
            "is_active",
            "must_change_password",
            "second_factor",
            "last_login",
        ]
        read_only_fields = fields

    def get_second_factor(self, user: User) -> bool:
        """Whether one is set up."""
        return state_of(user).has


class NewUserSerializer(serializers.Serializer[None]):
    """Who is to be let in."""

    username = serializers.CharField(max_length=150)
    email = serializers.EmailField(default="", allow_blank=True)
    portal_role = serializers.ChoiceField(choices=Role.choices, default="", allow_blank=True)


class UserChangeSerializer(serializers.Serializer[None]):
    """What is to change of a user; what is left out stays."""

    portal_role = serializers.ChoiceField(choices=Role.choices, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class SecondFactorPolicySerializer(serializers.Serializer[None]):
    """Of whom a second factor is demanded."""

    demanded_of = serializers.ChoiceField(
        choices=Demand.choices, help_text="by the best role somebody holds, on the portal or on any cluster"
    )


class SessionSerializer(serializers.Serializer[Login]):
    """A session of the console under way."""

    id = serializers.IntegerField()
    device = serializers.CharField(help_text="browser and system in words")
    user_agent = serializers.CharField(help_text="what the browser says of itself")
    address = serializers.CharField(help_text="where the login came from")
    began = serializers.DateTimeField(help_text="the login")
    used = serializers.DateTimeField(help_text="when its owner last did something, to the minute")
    current = serializers.BooleanField(help_text="it is the one that asks")


class EndedSessionsSerializer(serializers.Serializer[None]):
    """What came of it."""

    ended = serializers.IntegerField(help_text="sessions that were under way")


class LetInSerializer(UserSerializer):
    """A user with a one-time password, shown this once."""

    one_time_password = serializers.CharField(read_only=True)

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "one_time_password"]
        read_only_fields = fields


class EventSerializer(serializers.ModelSerializer[AuditEvent]):
    """One recorded act."""

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "at",
            "actor",
            "via",
            "action",
            "cluster_id",
            "cluster_name",
            "object_kind",
            "object_id",
            "object_label",
            "text",
            "data",
            "remote_address",
        ]
        read_only_fields = fields


class ChainSerializer(serializers.ModelSerializer[AuditChain]):
    """The newest hash of the audit log: over `length` events, each with all before it. `start`: the first so many were
    acknowledged as broken."""

    class Meta:
        model = AuditChain
        fields = ["length", "digest", "start", "verified_at", "trouble", "trouble_at"]
        read_only_fields = fields


class WhoSerializer(serializers.Serializer[None]):
    """Who the caller is to the portal."""

    username = serializers.CharField()
    portal_role = serializers.CharField(help_text="the role on every cluster, cut to the token's; empty for none")
    token = serializers.CharField(help_text="id of the token in use; empty for a session")
    cluster_ids = serializers.ListField(child=serializers.IntegerField(), help_text="clusters the caller may view")
