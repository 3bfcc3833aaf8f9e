"""How a cluster stands by the guide's rules, and what people said that the portal cannot see."""

from __future__ import annotations

from django.db import models

from nodes.checks.core.readings import Standing
from nodes.clusters.models import Cluster
from nodes.enums import AttestedSubject
from nodes.fields import SealedField
from nodes.registry.models import Node

STANDINGS = [
    (Standing.PASS.value, "Passes"),
    (Standing.WARN.value, "Warning"),
    (Standing.FAIL.value, "Fails"),
    (Standing.UNKNOWN.value, "Unknown"),
]


class Guard(models.Model):
    """One check's verdict on one cluster. `since` moves only when the verdict changes; `findings` has a row a node
    (node, state, evidence, remedy)."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="guards")
    code = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=STANDINGS, default=Standing.UNKNOWN.value)
    evidence = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    findings = models.JSONField(default=list, blank=True)
    since = models.DateTimeField()
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["cluster", "code"], name="one_verdict_per_guard")]

    def __str__(self) -> str:
        return f"{self.code} of {self.cluster}: {self.state}"


class Attestation(models.Model):
    """What a person said of a node. `basis` is what the node's own log showed then: what it shows later is newer."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="attestations")
    subject = models.CharField(max_length=20, choices=AttestedSubject)
    value = models.CharField(max_length=20)
    note = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    basis = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["subject"]
        constraints = [models.UniqueConstraint(fields=["node", "subject"], name="one_attestation_per_subject")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.node}: {self.value}"


class StepAttestation(models.Model):
    """What a person said of a step of the guide's set-up."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="step_attestations")
    step = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["cluster", "step"], name="one_attestation_per_step")]

    def __str__(self) -> str:
        return f"step {self.step} of {self.cluster}"


class RegistrationSeal(models.Model):
    """A digest of a node's registration key, sealed; never shown. It only tells whether two nodes have the same."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="registration")
    digest = SealedField()
    by = models.CharField(max_length=150)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"registration of {self.node}"
