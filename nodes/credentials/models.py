"""How the portal logs in to nodes."""

from __future__ import annotations

from django.db import models

from nodes.clusters.models import Cluster
from nodes.enums import CredentialKind
from nodes.fields import SealedField


class Credential(models.Model):
    """A user name with a password or a private key (OpenSSH or PEM text); the secret columns are write-only.
    `secret_version` counts the secrets it had."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=63)
    username = models.CharField(max_length=104)
    kind = models.CharField(max_length=10, choices=CredentialKind)
    secret = SealedField()
    passphrase = SealedField(null=True)
    secret_version = models.PositiveIntegerField(default=1)
    public_key = models.TextField(blank=True, help_text="authorized_keys line, for a key pair")
    fingerprint = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="one_credential_per_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.username})"


class PasswordBinding(models.Model):
    """A server that a password was typed for: a node at an address with a host key. Where any of that, or the password,
    is another one now, the password is not sent there."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="bindings")
    node = models.ForeignKey("nodes.Node", on_delete=models.CASCADE, related_name="password_bindings")
    secret_version = models.PositiveIntegerField()
    address = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=80, help_text="SHA256:...")
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "credential"], name="one_password_binding_per_node")]

    def __str__(self) -> str:
        return f"{self.address}, port {self.port}"
