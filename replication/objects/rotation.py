"""When the key file has a new key, the store's keys are wrapped under it, before an old one may go."""

from __future__ import annotations

from nodes.credentials.sealed import Turn, register_place
from nodes.vault import WrongKey
from replication.objects.errors import StoreError
from replication.objects.keys import VaultMasters
from replication.objects.store import Store


@register_place
def rewrap_objects() -> Turn:
    """Rewrap what the newest key does not open. Raises WrongKey where the key of all names does not open."""
    try:
        report = Store(VaultMasters(retired=True)).rewrap()
    except StoreError as error:
        raise WrongKey(str(error)) from error
    return Turn("stored contents", report.held, report.objects, len(report.damaged), "".join(report.damaged[:1]))
