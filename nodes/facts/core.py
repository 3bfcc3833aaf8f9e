"""What is read from a node, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureSetting:
    """One value of a feature's switch as a node's file has it. `off`: what it must be while clustering is enabled.
    `value` None: the key, or its file, is not there."""

    feature: str
    path: str
    section: str
    key: str
    off: str
    value: str | None

    @property
    def is_off(self) -> bool:
        """Whether the feature is switched off here."""
        return self.value is not None and self.value.strip().casefold() == self.off.strip().casefold()

    @property
    def is_on(self) -> bool:
        """Whether it is there and the feature is not switched off."""
        return self.value is not None and not self.is_off


@dataclass(frozen=True, slots=True)
class ShareAccess:
    """A shared folder outside the installation folder, tried from a node by the portal's login. `found` None: it could
    not be tried; `why`: what stood in the way."""

    label: str
    path: str
    found: bool | None
    why: str = ""


EVERY_SECTION = "*"
"""A switch that stands in every section of its file."""
