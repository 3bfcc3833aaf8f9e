"""What every row has that one worker at a time may work on."""

from __future__ import annotations

from typing import Any

from django.db import models


class Claimable(models.Model):
    """A row to be claimed. `owner`: the worker that holds it. `fence` grows with every claim and every takeover; a
    write that carries an older one is void. Each model has a column for its lease besides, see `claims.Claims`."""

    owner = models.CharField(max_length=120, blank=True)
    fence: models.IntegerField[Any, Any] = models.BigIntegerField(default=0)

    class Meta:
        abstract = True
