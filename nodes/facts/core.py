"""What is read from a node, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nodes.platforms.windows import WindowsPlatform
from nodes.products.masking import is_secret, masked
from nodes.products.profile import FeatureRule, PathClass, Profile

_SHORT_NAME = re.compile(r"~[0-9]+(\.|\Z)")
"""What a short name of Windows' own ends with: another name of a file that the profile knows by its long one."""


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

    @property
    def shown(self) -> FeatureSetting:
        """The same as tables, logs and people get it: masked where it looks like a secret and is not the value that
        switches the feature off. It is on and off as before."""
        if self.is_off or not is_secret(self.section, self.key, self.value):
            return self
        return replace(self, value=masked(self.value))

    @property
    def in_words(self) -> str:
        """As a person finds it in its file; masked where it looks like a secret."""
        if self.value is None:
            return f"[{self.section}] {self.key} is not in {self.path}"
        return f"[{self.section}] {self.key}={self.shown.value} in {self.path}"


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


def barred(path: str, profile: Profile) -> str:
    """Why the portal reads and writes no keys of a file by name, a clause without a full stop; "" where it does. What
    else Windows would take for the same file is no name of it here: it would have another class."""
    for part in path.split("/"):
        problem = WindowsPlatform().name_problem(part)
        if problem or _SHORT_NAME.search(part):
            return f"{path} is not the plain name of a file ({problem or 'it may be short for another'})"
    ruling = profile.classify(path)
    if ruling.secret:
        return f"what {path} holds is secret"
    if ruling.path_class != PathClass.CONFIG:
        return f"{path} is {ruling.path_class} here, and keys are read and written in files of the class config alone"
    return ""


def allowed(rule: FeatureRule, profile: Profile) -> FeatureRule:
    """A feature with its switch, or, where its file is barred, without one: as if nobody had found it, and why."""
    why = barred(rule.path, profile) if rule.path else ""
    return replace(rule, path="", section="", key="", off="", note=why) if why else rule
