"""What others hold on to: the REST schema, the tables of the database, the names of Celery's tasks. Packages move,
these do not. Where the schema is meant to change: `./run manage spectacular --file docs/openapi.yaml`; see the diff."""

import subprocess
import sys
from pathlib import Path

from django.apps import apps

from clusterportal.celery import app

ROOT = Path(__file__).parents[2]

TABLES = {
    "accounts": "apitoken auditchain auditevent auditlink loginfailure secondfactorpolicy user",
    "nodes": "attestation cluster clusterlogline credential featurekey featurememory fileserverlogin folderkey "
    "formervalue guard hostkey inidecision keysearch membership mountpoint networksearch node nodefacts "
    "passwordbinding pathoverride queuecount queuereading registrationseal searchhit sharecell sharedfolder "
    "sharedpaths stepattestation",
    "replication": "baseline conflict contentpart job jobevent namekey origin resourcelock snapshot storedcontent "
    "target watch watchmemory worker writestop",
}

TASKS = {
    "accounts.tasks.verify_audit",
    "nodes.tasks.check_all",
    "nodes.tasks.observe",
    "nodes.tasks.observe_due",
    "nodes.tasks.prune_cluster_logs",
    "nodes.tasks.reach",
    "nodes.tasks.read_queues",
    "nodes.tasks.search",
    "nodes.tasks.sweep_searches",
    "replication.tasks.compare",
    "replication.tasks.drive",
    "replication.tasks.find_keys",
    "replication.tasks.keep_house",
    "replication.tasks.plan",
    "replication.tasks.sweep",
    "replication.tasks.verify",
    "replication.tasks.watch",
}


def test_the_schema_is_the_published_one(tmp_path):
    made = tmp_path / "openapi.yaml"
    # a process of its own: the schema is made of what a started portal has registered, not of what tests have
    subprocess.run([sys.executable, "manage.py", "spectacular", "--file", str(made)], cwd=ROOT, check=True)
    assert made.read_text(encoding="utf-8") == (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")


def test_the_tables_keep_their_names():
    for label, words in TABLES.items():
        found = {model._meta.db_table for model in apps.get_app_config(label).get_models()}
        assert found == {f"{label}_{word}" for word in words.split()}


def test_tasks_keep_their_names():
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith(("celery.", "tests."))} == TASKS
