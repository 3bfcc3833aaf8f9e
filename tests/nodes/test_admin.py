"""The stock admin: superusers look at everything but secrets, and change nothing."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.secret import Secret
from tests.factories import make_node, make_user

MODELS = ["cluster", "membership", "pathoverride", "credential", "node", "hostkey", "nodefacts", "inidecision"]


@pytest.fixture
def root(db, console_for):
    """A superuser with a second factor; the admin lets in nobody else."""
    user = make_user("root", is_superuser=True, is_staff=True)
    TOTP.activate(user, generate_totp_secret())
    return console_for(user)


@pytest.mark.parametrize("model", MODELS)
def test_superusers_look_and_do_not_change(root, cluster, model):
    assert root.get(f"/admin/nodes/{model}/").status_code == 200
    assert root.get(f"/admin/nodes/{model}/add/").status_code == 403


def test_credentials_show_no_secret(root, cluster, settings, tmp_path):
    stored = Credential.objects.create(
        cluster=cluster, name="portal", username="svc", kind="password", secret=Secret("canary-4417")
    )
    page = root.get(f"/admin/nodes/credential/{stored.pk}/change/").content.decode()
    assert "svc" in page
    assert "canary" not in page
    assert "Secret(" not in page
    settings.PORTAL_KEY_FILE = str(tmp_path / "gone")
    assert root.get("/admin/nodes/credential/").status_code == 200


def test_a_row_is_not_changed_by_hand(root, cluster):
    node = make_node(cluster, "a")
    root.post(f"/admin/nodes/node/{node.pk}/change/", {"name": "b"})
    root.post(f"/admin/nodes/node/{node.pk}/delete/", {"post": "yes"})
    node.refresh_from_db()
    assert node.name == "a"
    assert Cluster.objects.count() == 1
