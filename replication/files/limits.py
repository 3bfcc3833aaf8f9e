"""How large configuration may be: a file, and all of them together, by the profile."""

from __future__ import annotations

from collections.abc import Mapping

from django.template.defaultfilters import filesizeformat

from accounts.errors import Refused
from nodes.products.profile import Profile

TOO_LARGE = "too_large"
"""Code of a file that is left as it is, on whichever node, because of its size."""

NAMED = 5
"""The largest files are named, so many."""


def too_large(profile: Profile, size: int | None = None) -> str:
    """Why a file is left out, and what to do. `size` in bytes; None: it was not read to its end."""
    has = f"it has {shown(size)}" if size is not None else "it turned out larger while it was read"
    return (
        f"{has}, over the profile's limit of {shown(profile.file_bytes)} a file: neither read nor overwritten; "
        "give it another class, or raise file_mb in the profile"
    )


def check_total(sizes: Mapping[str, int], profile: Profile) -> None:
    """Raise Refused where config files have more bytes than all of them together may have."""
    total = sum(sizes.values())
    if total <= profile.total_bytes:
        return
    largest = sorted(sizes, key=lambda path: (-sizes[path], path))[:NAMED]
    names = ", ".join(f"{path} ({shown(sizes[path])})" for path in largest)
    text = (
        f"The primary's {len(sizes)} config files have {shown(total)}, over the profile's limit of "
        f"{shown(profile.total_bytes)}. The largest: {names}. Nothing was changed."
    )
    raise Refused(
        "config_too_large", text, "Give what is no configuration another class, or raise total_mb in the profile."
    )


def shown(size: int) -> str:
    """Bytes as people read them, as on the pages."""
    return str(filesizeformat(size)).replace("\xa0", " ")
