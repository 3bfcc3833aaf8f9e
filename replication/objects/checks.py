"""What a data folder of an older version still has, said by every command."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from accounts.commands import DATA_FOLDER

FOLDER = "objects"


@register(DATA_FOLDER)
def find_old_folder(**_: object) -> list[CheckMessage]:
    """Contents lay in a folder once. It is not read any more, and nothing of it is removed."""
    folder = Path(settings.DATA_DIR) / FOLDER
    if not folder.is_dir():
        return []
    text = f"{folder} holds contents of an older version. It is not read any more: contents lie in the database now."
    hint = (
        "Replication reads anew what nodes hold. Older snapshots, conflicts, and what leaving would give back are not "
        "to be had from this version. Move the folder away once you do not need the older version any more."
    )
    return [Warning(text, hint=hint, id="clusterportal.W002")]
