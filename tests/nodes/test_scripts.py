"""Who may bring scripts to a node, and to which."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEvent
from nodes.errors import Unsupported
from nodes.scripts import bring_scripts, take_scripts_away

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("act", [bring_scripts, take_scripts_away])
def test_a_viewer_may_not(act, real_node, watcher):
    with pytest.raises(PermissionDenied, match="Operator"):
        act(watcher, node=real_node)


def test_a_posix_node_needs_none_and_is_not_written_to(real_node, hand):
    with pytest.raises(Unsupported, match="needs no scripts"):
        bring_scripts(hand, node=real_node)
    assert not AuditEvent.objects.filter(action="scripts.bring").exists()


def test_taking_away_what_is_not_there_is_fine_and_noted(real_node, hand):
    real_node.refresh_from_db()
    version = real_node.version
    assert take_scripts_away(hand, node=real_node) == ()
    real_node.refresh_from_db()
    assert real_node.version == version + 1
    assert AuditEvent.objects.get(action="scripts.remove").data == {"files": []}
