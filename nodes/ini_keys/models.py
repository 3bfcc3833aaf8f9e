"""What was decided about ini keys that differ between nodes."""

from __future__ import annotations

from django.db import models

from nodes.enums import IniChoice
from nodes.fields import SealedField
from nodes.registry.models import Node


class IniDecision(models.Model):
    """Whether one ini key of one node is its own or the primary's. Names compare case-insensitively (stored folded
    beside the spelling)."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="ini_decisions")
    path = models.CharField(max_length=400)
    section = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    folded = models.CharField(max_length=820, help_text="path, section and key case-folded, tab separated")
    choice = models.CharField(max_length=10, choices=IniChoice)
    answered = models.BooleanField(default=False, help_text="an operator decided; else kept because it differed")
    values = SealedField(null=True, help_text="the primary's and the node's value when last compared, as JSON")
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["path", "section", "key"]
        constraints = [models.UniqueConstraint(fields=["node", "folded"], name="one_decision_per_ini_key")]

    def __str__(self) -> str:
        return f"[{self.section}] {self.key}: {self.choice}"

    @property
    def answer(self) -> str:
        """What somebody chose; "" where nobody answered."""
        return self.choice if self.answered else ""
