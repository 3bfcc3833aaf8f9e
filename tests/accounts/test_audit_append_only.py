"""Audit events are only ever added: by the model, the queryset and the database itself."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import append_only
from accounts.audit import record
from accounts.models import AppendOnlyError, AuditEvent
from accounts.principals import SYSTEM

RAW = [
    "UPDATE accounts_auditevent SET actor = 'nobody'",
    "DELETE FROM accounts_auditevent",
    "INSERT OR REPLACE INTO accounts_auditevent SELECT id, at, 'nobody', via, action, cluster_id, cluster_name,"
    " object_kind, object_id, object_label, text, data, remote_address FROM accounts_auditevent",
]


@pytest.fixture
def event(db) -> AuditEvent:
    return record(SYSTEM, "test.done", "Something was done.")


@pytest.mark.parametrize("statement", RAW, ids=["update", "delete", "replace"])
def test_the_database_refuses_raw_sql(event, statement):
    refused = pytest.raises(DatabaseError, match="audit events cannot be changed")
    with refused, transaction.atomic(), connection.cursor() as cursor:  # open, it would keep the file open
        cursor.execute(statement)
    assert list(AuditEvent.objects.values_list("actor", flat=True)) == ["system"]


def test_model_and_queryset_refuse(event):
    event.actor = "nobody"
    for act in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(actor="nobody"),
    ):
        with pytest.raises(AppendOnlyError):
            act()
    assert AuditEvent.objects.get().actor == "system"


def test_bulk_update_is_refused(event):
    with pytest.raises(AppendOnlyError):
        AuditEvent.objects.bulk_update([event], ["actor"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_the_flush_between_tests_empties_the_log_and_keeps_the_triggers(run):
    assert AuditEvent.objects.count() == 0
    record(SYSTEM, "test.done", f"Run {run}.")
    assert append_only.missing(connection) == frozenset()


def test_lost_triggers_are_noticed(db):
    connection.cursor().execute("DROP TRIGGER auditevent_no_update")
    assert append_only.missing(connection) == {"auditevent_no_update"}
