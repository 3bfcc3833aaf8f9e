"""A search of networks for mail servers, and what answered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from nodes.clusters.models import Cluster
from nodes.enums import SearchState
from nodes.leases.models import Claimable


class NetworkSearch(Claimable):
    """One search. `done` of `total` addresses were asked. `beat_at`: when its worker renewed its claim last."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="searches")
    networks = models.JSONField(help_text="CIDR blocks")
    ssh_ports = models.JSONField()
    smtp_ports = models.JSONField()
    state = models.CharField(max_length=10, choices=SearchState, default=SearchState.REQUESTED)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    sockets = models.PositiveIntegerField(default=0, help_text="the most connections that were open at once")
    requested_by = models.CharField(max_length=150)
    cancelled_by = models.CharField(max_length=150, blank=True)
    fence = models.PositiveIntegerField(default=0)
    beat_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster"],
                condition=Q(state__in=[SearchState.REQUESTED, SearchState.RUNNING]),
                name="one_search_per_cluster",
            )
        ]

    def __str__(self) -> str:
        return f"search {self.pk} of {', '.join(self.networks)}"


class SearchHit(models.Model):
    """A server that answered. `services`: port, protocol and banner of each that did. `host_name`, `version`: what its
    SMTP banner says, "" where it does not; `product`: the banner names MDaemon."""

    search = models.ForeignKey(NetworkSearch, on_delete=models.CASCADE, related_name="hits")
    address = models.GenericIPAddressField()
    services = models.JSONField()
    host_name = models.CharField(max_length=255, blank=True)
    product = models.BooleanField(default=False)
    version = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-product", "id"]
        constraints = [models.UniqueConstraint(fields=["search", "address"], name="one_hit_per_address")]

    def __str__(self) -> str:
        return self.address
