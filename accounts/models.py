"""Who uses the portal, by which token, and the record of what they did.

Roles per cluster live with the cluster (`nodes.clusters.models.Membership`), so that no arrow points back from here.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from accounts.names import looks_of


class Role(models.TextChoices):
    """What somebody may do on a cluster; each includes the ones before it."""

    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    ADMINISTRATOR = "administrator", "Administrator"


class User(AbstractUser):
    """A person or an automation account. `portal_role` holds on every cluster; superusers may do everything."""

    portal_role = models.CharField(max_length=16, choices=Role, blank=True, default="")
    must_change_password = models.BooleanField(default=False, help_text="a one-time password is in use")
    one_time_until = models.DateTimeField(null=True, blank=True, help_text="until when a one-time password lets in")
    look_typed = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    look_small = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    """What the name looks like (`accounts.names`), so that the database refuses a second one like it. None: the name is
    like an older one's, from before names were compared so."""

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new user's name is compared with all others; names do not change."""
        if self._state.adding:
            looks = looks_of(self.username)
            self.look_typed, self.look_small = looks.typed, looks.small
        super().save(*args, **kwargs)


class Demand(models.TextChoices):
    """Of whom a second factor is demanded: by the best role that somebody holds anywhere."""

    NOBODY = "nobody", "Nobody"
    ADMINISTRATORS = "administrators", "Administrators"
    OPERATORS = "operators", "Operators and administrators"
    EVERYONE = "everyone", "Everyone"


class SecondFactorPolicy(models.Model):
    """The one row that says so; none is Demand.NOBODY."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    demanded_of = models.CharField(max_length=16, choices=Demand, default=Demand.NOBODY)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_second_factor_policy")]

    def __str__(self) -> str:
        return "Second factor"


class ApiToken(models.Model):
    """A bearer token, stored as a hash only. Never more than its owner may do, and never more than `role`, on
    `cluster_ids` only (empty: all of the owner's). `token_key`, the secret's first 15 characters, names it.

    Has the columns that knox reads; not its abstract base, which has no types."""

    digest = models.CharField(max_length=128, primary_key=True, help_text="SHA-512 of the secret")
    token_key = models.CharField(max_length=25, db_index=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="auth_token_set")
    created = models.DateTimeField(auto_now_add=True)
    expiry = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    cluster_ids = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"


class LoginFailure(models.Model):
    """A wrong password, as long as it counts (`accounts.guessing`). `name` is a keyed digest; `client` an IPv4 address,
    a /64 network of IPv6 or a browser."""

    name = models.CharField(max_length=64)
    client = models.CharField(max_length=50)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = (models.Index(fields=("name", "at")), models.Index(fields=("client", "at")))


class AppendOnlyError(TypeError):
    """Audit events and their links are only ever added."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses to change or delete rows in bulk."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit events cannot be changed")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit events cannot be deleted")


class AppendOnly(models.Model):
    """Rows that are only ever added; the database refuses the rest, too (`accounts.append_only`)."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only."""
        if not self._state.adding:
            raise AppendOnlyError("audit events cannot be changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("audit events cannot be deleted")


class AuditEvent(AppendOnly):
    """One act: who, when, what, on which object, with what result. Names are copied, so that it outlives its object.
    A new column goes into a new form of the hash (`accounts.chain.COLUMNS`)."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=150, help_text="user name, or 'system' for the portal itself")
    via = models.CharField(max_length=20, help_text="console, api, worker or command")
    action = models.CharField(max_length=60, db_index=True, help_text="stable code such as node.register")
    cluster_id = models.BigIntegerField(null=True, db_index=True)
    cluster_name = models.CharField(max_length=100, blank=True)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    text = models.TextField(help_text="one sentence for a person")
    data = models.JSONField(default=dict, blank=True)
    remote_address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action}"


class AuditLink(AppendOnly):
    """An event's place in the chain, and the hash of it and of all before it (`accounts.chain`)."""

    position = models.BigIntegerField(primary_key=True, help_text="1, 2, 3, without a gap")
    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, related_name="link")
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.position}: {self.digest}"


class AuditChain(models.Model):
    """How the chain stands: one row, made with the first link. `length` and `digest` are its newest link's, kept a
    second time; `start` is the link after which it is verified: what is before was acknowledged as broken; `trouble` is
    the first break that was found, and stays until then."""

    length = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)
    start = models.BigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="", blank=True)
    trouble_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.length}: {self.digest}"
