"""Where the switches of the incompatible features are on a cluster's servers, as an operator found them."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.facts.core import EVERY_SECTION, barred
from nodes.facts.models import FeatureKey
from nodes.facts.selectors.facts import profile_of
from nodes.products.ini import IniDocument, IniEdit, IniError
from nodes.validators import FieldErrors, clean_name, clean_path


@dataclass(frozen=True, slots=True)
class FeaturePlace:
    """Where a feature's switch is. `section` "*": every section of the file. `off`: the value that switches it off."""

    feature: str
    path: str
    section: str
    key: str
    off: str


@transaction.atomic
def set_feature_key(principal: Principal, *, cluster_id: int, place: FeaturePlace) -> FeatureKey:
    """Say where a switch is; stronger than the profile. Needs the cluster's administrator. Raises ValidationError by
    field."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    profile = profile_of(cluster)
    codes = [rule.code for rule in profile.features]
    if place.feature not in codes:
        checks.complain("feature", f"Use one of: {', '.join(codes)}.", code="invalid_choice")
    path, section = checks("path", clean_path, place.path), checks("section", clean_name, place.section)
    if checks.passed("path") and (why := barred(path, profile)):
        text = f"{why[0].upper()}{why[1:]}. Name another file, or switch the feature on the servers by hand."
        checks.complain("path", text)
    key, off = checks("key", clean_name, place.key), checks("off", clean_name, place.off)
    checks.finish()
    _writable(section, key, off)
    values = {"path": path, "section": section, "key": key, "off": off, "by": principal.name, "at": timezone.now()}
    row, _ = FeatureKey.objects.update_or_create(cluster=cluster, feature=place.feature, defaults=values)
    text = f"{place.feature} of cluster {cluster.name} is [{section}] {key} in {path}; off is {off}."
    data = {"feature": place.feature, "path": path, "section": section, "key": key, "off": off}
    record(principal, "feature.set", text, cluster=cluster, subject=Subject.of(cluster), data=data)
    return row


def _writable(section: str, key: str, off: str) -> None:
    """Raise ValidationError for names that an ini file cannot hold."""
    name = "Any" if section == EVERY_SECTION else section
    try:
        IniEdit(IniDocument.parse(b"")).set(name, key, off)
    except IniError as error:
        raise ValidationError({"key": str(error)}) from error


@transaction.atomic
def clear_feature_key(principal: Principal, *, cluster_id: int, feature: str) -> None:
    """Go back to what the profile says. Needs the cluster's administrator. Gone already is fine."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    if FeatureKey.objects.filter(cluster=cluster, feature=feature).delete()[0]:
        text = f"{feature} of cluster {cluster.name} is what the profile says again."
        record(principal, "feature.clear", text, cluster=cluster, subject=Subject.of(cluster))
