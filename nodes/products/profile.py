"""The product profile: what each path of a mail server's tree is, and the numbers replication goes by.

Three strengths of rule: what must never be written (classes `never` and `binary`) beats everything; then an operator's
overrides, the more precise first; then where the node really keeps its folders; then the profile in its order.
A path that nothing fits is unclassified, and never written either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from nodes.products.errors import ProfileError
from nodes.products.patterns import PatternIndex, checked, literal_characters, may_lie_beneath


class PathClass(StrEnum):
    """What a path is to replication. Only CONFIG is written or deleted on a node."""

    CONFIG = "config"
    VOLATILE = "volatile"
    NODE_LOCAL = "node-local"
    BINARY = "binary"
    NEVER = "never"
    UNCLASSIFIED = "unclassified"


class Source(StrEnum):
    """Where a statement comes from. ASSUMED ones wait for confirmation; PORTAL means our own names, which
    profiles copied from an older version still list."""

    GUIDE = "guide"
    VENDOR = "vendor"
    COMMUNITY = "community"
    ASSUMED = "assumed"
    DISCOVERED = "discovered"
    OPERATOR = "operator"
    PORTAL = "portal"


class Effect(StrEnum):
    """What must happen on a node for a changed file to count. The portal restarts nothing unasked."""

    NONE = "none"
    SEMAPHORE = "semaphore"
    RESTART_SERVICE = "restart-service"
    RESTART_SERVER = "restart-server"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a profile says of one path. `group` orders writing, lowest first. `semaphore` is the file to drop after a
    change; `ini`: the file is edited and compared by key; `own_keys`: some of those keys are each node's own, so before
    the first replication the differing ones are asked about; `secret`: its content is never shown."""

    path_class: PathClass
    source: Source
    group: int = 50
    semaphore: str | None = None
    effect: Effect = Effect.NONE
    ini: bool = False
    own_keys: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, what it means, and why."""

    pattern: str
    ruling: Ruling
    note: str = ""

    @property
    def source(self) -> Source:
        """Where the rule comes from."""
        return self.ruling.source

    @property
    def protects(self) -> bool:
        """Whether no override may weaken the rule."""
        return self.ruling.path_class in (PathClass.NEVER, PathClass.BINARY)

    @property
    def tree(self) -> str:
        """The folder whose whole content the rule means; "" where it means something else."""
        folder = self.pattern.removesuffix("/**")
        return "" if folder == self.pattern or set("*?") & set(folder) else folder


@dataclass(frozen=True, slots=True)
class FolderRule:
    """A folder the product can keep elsewhere. `default` is relative to the installation folder; `section` and `key` of
    MDaemon.ini only where there is public evidence for them, with its `key_source`."""

    role: str
    label: str
    default: str
    path_class: PathClass
    source: Source
    shared: bool = False
    section: str = ""
    key: str = ""
    key_source: Source = Source.ASSUMED


@dataclass(frozen=True, slots=True)
class FolderPath:
    """Where a node keeps a folder, spelled as its system does. `section` and `key` say where that stands in the ini
    file, "" if nowhere. `inside` is the path relative to the installation folder with `/`; "" outside it."""

    role: str
    label: str
    path: str
    default_path: str
    section: str
    key: str
    source: str
    inside: str = ""


@dataclass(frozen=True, slots=True)
class FeatureRule:
    """A feature that does not go with clustering. `path`, `section` ("*": every section) and `key` say where its switch
    is and `off` which value switches it off; all "" where that is not publicly known."""

    code: str
    label: str
    source: Source
    path: str = ""
    section: str = ""
    key: str = ""
    off: str = ""
    note: str = ""

    def at(self, path: str, section: str, key: str, off: str) -> FeatureRule:
        """The same feature with the switch that an operator found."""
        return replace(self, path=path, section=section, key=key, off=off, source=Source.OPERATOR, note="")


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """A Windows registry value that tells a fact, such as the version."""

    fact: str
    key: str
    value: str
    source: Source


MEGABYTE = 1024 * 1024
RULINGS_KEPT = 50_000
"""Paths of which a profile remembers what it said."""

_LISTED = (PathClass.CONFIG, PathClass.UNCLASSIFIED)
_UNCLASSIFIED = Ruling(PathClass.UNCLASSIFIED, Source.ASSUMED)
_BY_ITSELF = Ruling(PathClass.VOLATILE, Source.DISCOVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One product as one cluster sees it. Times in seconds. Made by `loading.load_profile`."""

    name: str
    label: str
    rules: tuple[Rule, ...]
    folders: tuple[FolderRule, ...]
    registry: tuple[RegistryKey, ...] = ()
    features: tuple[FeatureRule, ...] = ()
    """Switched off while clustering is enabled."""
    fallback_semaphore: str = ""
    """Dropped after a change of a config file for which no other is known."""
    semaphore_folder: str = ""
    lock_semaphore: str = ""
    stable_seconds: float = 2.0
    """Two listings this far apart must agree before a change is taken."""
    watch_seconds: float = 5.0
    """How often the primary is looked at, unless its cluster says otherwise."""
    settle_seconds: float = 3.0
    """A node is hashed again this long after a change, to see that its server did not write its own copy back."""
    settle_retries: int = 3
    semaphore_wait_seconds: float = 30.0
    churn_per_hour: int = 12
    """Changes an hour from which a file is flagged as churning."""
    shrink_share: float = 0.2
    """Share of the primary's files that may vanish, by name, at once before a brake asks."""
    change_share: float = 0.5
    """Share of its other files whose content may change at once before a brake asks."""
    least_files: int = 5
    """So many must vanish, or change, before their share counts: a small tree is not halted by every edit."""
    clock_limit_seconds: float = 300.0
    file_mb: int = 64
    """A config file of more megabytes (of 1024 * 1024 bytes) is left out, by name: no configuration is so large."""
    total_mb: int = 4096
    """So much the primary's config files have together at most: the store keeps them all, and what a first copy sends
    once more."""
    routing_since: str = ""
    """The version that brought multi-node mail routing; "": no version has it."""
    routing_source: Source = Source.ASSUMED
    overrides: tuple[Rule, ...] = ()
    moved: tuple[Rule, ...] = ()
    _ordered: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    _index: PatternIndex = field(init=False, repr=False, compare=False)
    _override_index: PatternIndex = field(init=False, repr=False, compare=False)
    _skipped: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _known: Callable[[str], Ruling] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = (*self._protecting(), *self.moved, *(rule for rule in self.rules if not rule.protects))
        object.__setattr__(self, "_ordered", ordered)
        object.__setattr__(self, "_index", PatternIndex([rule.pattern for rule in ordered]))
        object.__setattr__(self, "_override_index", PatternIndex([rule.pattern for rule in self.overrides]))
        object.__setattr__(self, "_skipped", self._folders_to_skip())
        object.__setattr__(self, "_known", lru_cache(RULINGS_KEPT)(self._ruling))

    def _protecting(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.protects)

    def classify(self, path: str) -> Ruling:
        """The ruling on a relative path. The same paths are asked about at every look, so they are remembered."""
        return self._known(path)

    def _ruling(self, path: str) -> Ruling:
        rule, override = self.rules_for(path)
        ruling = rule.ruling if rule else _UNCLASSIFIED
        return self._overridden(ruling, override.ruling.path_class) if override else ruling

    def rules_for(self, path: str) -> tuple[Rule | None, Rule | None]:
        """The profile's rule for a path and the operator's that overrides its class, to explain a ruling."""
        found = self._index.first(path)
        rule = None if found is None else self._ordered[found]
        if not self.overrides or (rule and rule.protects):
            return rule, None
        number = self._override_index.first(path)
        return rule, None if number is None else self.overrides[number]

    def _overridden(self, ruling: Ruling, path_class: PathClass) -> Ruling:
        """A ruling with an operator's class. What else the profile knows stays, above all that a file is secret."""
        changed = replace(ruling, path_class=path_class, source=Source.OPERATOR)
        if path_class != PathClass.CONFIG or ruling.path_class == PathClass.CONFIG or not self.fallback_semaphore:
            return changed
        return replace(changed, semaphore=self.fallback_semaphore, effect=Effect.SEMAPHORE)

    def with_overrides(self, overrides: Sequence[tuple[str, str]]) -> Profile:
        """The profile with an operator's (pattern, class) pairs, the more precise pattern first. Raises ProfileError
        naming the pattern and the remedy."""
        rules = [_override(pattern, path_class) for pattern, path_class in overrides]
        rules.sort(key=lambda rule: (-literal_characters(rule.pattern), rule.pattern))
        return replace(self, overrides=tuple(rules))

    def with_folders(self, folders: Sequence[FolderPath]) -> Profile:
        """The profile for nodes that keep these folders where they say: inside the installation folder they are no
        configuration wherever they lie."""
        classes = {rule.role: rule for rule in self.folders}
        moved = [
            Rule(
                f"{folder.inside}/**", replace(_BY_ITSELF, path_class=_class_of(classes.get(folder.role))), folder.label
            )
            for folder in folders
            if folder.inside and not set("*?") & set(folder.inside)
        ]
        return replace(self, moved=tuple(moved))

    @property
    def file_bytes(self) -> int:
        """`file_mb` in bytes."""
        return self.file_mb * MEGABYTE

    @property
    def total_bytes(self) -> int:
        """`total_mb` in bytes."""
        return self.total_mb * MEGABYTE

    @property
    def shared_roles(self) -> frozenset[str]:
        """The roles of the folders that all nodes of a cluster share."""
        return frozenset(rule.role for rule in self.folders if rule.shared)

    def skip_folders(self) -> tuple[str, ...]:
        """Relative folders with nothing in them to be replicated or sorted, as the profile spells them."""
        return self._skipped

    def _folders_to_skip(self) -> tuple[str, ...]:
        protecting = self._protecting()
        rules = [*self.overrides, *self._ordered[len(protecting) :]]
        skipped = [rule.tree for rule in protecting if rule.tree]
        for at, rule in enumerate(rules):
            if rule.tree and rule.ruling.path_class not in _LISTED:
                stronger = (other.pattern for other in rules[:at] if other.ruling.path_class in _LISTED)
                if not any(may_lie_beneath(pattern, rule.tree) for pattern in stronger):
                    skipped.append(rule.tree)
        return tuple(dict.fromkeys(skipped))


def _override(pattern: str, path_class: str) -> Rule:
    """An operator's rule; only its class counts."""
    if path_class not in list(PathClass):
        raise ProfileError(f"{pattern[:80]!r}: there is no class {path_class!r}; use one of: {', '.join(PathClass)}.")
    return Rule(checked(pattern), Ruling(PathClass(path_class), Source.OPERATOR), "set by an operator")


def _class_of(rule: FolderRule | None) -> PathClass:
    """A folder's class; one that is neither config nor known counts as volatile."""
    return rule.path_class if rule and rule.path_class != PathClass.CONFIG else PathClass.VOLATILE
