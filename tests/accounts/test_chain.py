"""The chain over the audit log: each event in it once, and whatever is changed, taken out, put in or cut off found."""

from __future__ import annotations

import logging
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import append_only, chain
from accounts.audit import Subject, record
from accounts.models import AppendOnlyError, AuditChain, AuditEvent, AuditLink
from accounts.principals import SYSTEM, Principal
from replication.tasks import sweep
from tests.threads import Thread

pytestmark = pytest.mark.django_db


def told(count: int, first: int = 0) -> list[int]:
    """The ids of so many new events."""
    return [record(SYSTEM, "test.done", f"{first + number}", data={"n": number}).pk for number in range(count)]


def found() -> str:
    """What the whole verification says."""
    trouble = chain.verify()[1]
    return trouble.text if trouble else ""


@pytest.fixture
def unprotected():
    """Whoever may alter tables may take the triggers away, and put them back."""

    def run(statement: str) -> None:
        append_only.drop(connection)
        connection.cursor().execute(statement)
        append_only.create(connection)

    return run


def test_a_hash_speaks_of_every_column():
    assert tuple(field.attname for field in AuditEvent._meta.concrete_fields) == chain.COLUMNS
    somebody = Principal(user=None, via="command", remote_address="192.0.2.7")
    record(somebody, "test.done", "Ü", subject=Subject("node", "7", "mx"), data={"b": [1.5, None], "a": "x"})
    row = AuditEvent.objects.values_list(*chain.COLUMNS).get()
    one = chain.digest_of(chain.START, 1, row)
    other = {"at": row[1].replace(year=2001), "data": {}, "id": 0, "cluster_id": 1}
    for number, name in enumerate(chain.COLUMNS):
        changed = (*row[:number], other.get(name, "other"), *row[number + 1 :])
        assert chain.digest_of(chain.START, 1, changed) != one, name
    assert len({one, chain.digest_of(one, 1, row), chain.digest_of(chain.START, 2, row)}) == 3


def test_every_event_is_linked_once_in_the_order_of_linking(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(chain, "BATCH", 4)
    ids = told(10)
    assert chain.link_events() == 10
    assert list(AuditLink.objects.order_by("position").values_list("position", "event")) == list(enumerate(ids, 1))
    with django_assert_num_queries(2):  # and no transaction: an idle portal writes nothing
        assert chain.link_events() == 0
    late = AuditEvent.objects.create(pk=ids[-1] + 7, actor="system", via="worker", action="test.late", text="")
    assert chain.link_events() == 1
    early = AuditEvent.objects.create(pk=ids[-1] + 3, actor="system", via="worker", action="test.early", text="")
    assert chain.link_events() == 1
    assert list(AuditLink.objects.order_by("-position").values_list("event", flat=True)[:2]) == [early.pk, late.pk]
    head, trouble = chain.verify()
    assert (head.length, trouble) == (12, None)
    assert head.digest == AuditLink.objects.get(position=12).digest == chain.chain_now().digest


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE accounts_auditevent SET actor = 'nobody' WHERE id = {third}", "Event {third} of "),
        ("UPDATE accounts_auditevent SET data = '{{}}' WHERE id = {third}", "Event {third} of "),
        ("UPDATE accounts_auditevent SET at = '2001-02-03 04:05:06' WHERE id = {third}", "Event {third} of 2001-02-03"),
        ("UPDATE accounts_auditlink SET digest = 'x' WHERE position = 3", "Event {third} of "),
        ("DELETE FROM accounts_auditlink WHERE position = 3", "Link 3 is missing."),
        ("DELETE FROM accounts_auditlink WHERE position > 7", "its end was cut off or changed"),
    ],
)
def test_what_was_done_past_the_triggers_is_found(monkeypatch, unprotected, statement, words):
    monkeypatch.setattr(chain, "BATCH", 4)
    ids = told(9)
    chain.link_events()
    assert found() == ""
    unprotected(statement.format(third=ids[2]))
    assert words.format(third=ids[2]) in found()


@pytest.mark.parametrize("act", ["delete", "shorten"])
def test_an_end_that_is_no_longer_kept_hides_nothing(unprotected, act):
    """Else all that it does not speak of could be changed at leisure."""
    ids = told(3)
    chain.link_events()
    first = AuditLink.objects.get(position=1)
    rows = AuditChain.objects.all()
    rows.delete() if act == "delete" else rows.update(length=1, digest=first.digest)
    unprotected(f"UPDATE accounts_auditevent SET text = 'x' WHERE id = {ids[1]}")
    assert "The chain goes on after the newest hash that was kept" in found()


def test_an_event_that_is_gone_is_found(monkeypatch, unprotected):
    ids = told(5)
    chain.link_events()
    with connection.constraint_checks_disabled():
        unprotected(f"DELETE FROM accounts_auditevent WHERE id = {ids[2]}")
        assert found() == f"Event {ids[2]} is missing (link 3)."
        AuditEvent.objects.create(pk=ids[2], actor="system", via="worker", action="test.done", text="another")
    assert f"Event {ids[2]} of " in found()


def test_an_event_that_was_put_in_is_found(monkeypatch):
    monkeypatch.setattr(chain, "LATE", 3)
    ids = told(2)
    AuditEvent.objects.create(pk=ids[-1] + 9, actor="system", via="worker", action="test.done", text="")
    chain.link_events()
    forged = AuditEvent.objects.create(pk=ids[-1] + 2, actor="system", via="worker", action="test.done", text="")
    assert chain.link_events() == 0
    assert found() == f"Event {forged.pk} is in no link: it was put in afterwards."


def test_an_end_that_was_made_anew_shows_against_a_hash_kept_elsewhere(unprotected):
    told(5)
    chain.link_events()
    kept = chain.chain_now().digest
    for table, column in (("auditlink", "position"), ("auditevent", "id")):
        unprotected(f"DELETE FROM accounts_{table} WHERE {column} > (SELECT max({column}) - 2 FROM accounts_{table})")
    AuditChain.objects.all().delete()
    told(4)
    chain.link_events()
    AuditChain.objects.update(trouble="")
    assert found() == ""
    assert chain.verify([kept])[1] == chain.Break(f"The chain does not hold the hash {kept}.")
    assert chain.verify([AuditLink.objects.get(position=2).digest])[1] is None


def test_the_end_is_looked_at_with_every_linking_and_what_was_found_stays(unprotected, caplog):
    told(3)
    chain.link_events()
    assert chain.chain_now().trouble == ""
    unprotected("DELETE FROM accounts_auditlink WHERE position = 3")
    told(1)
    with caplog.at_level(logging.ERROR):
        chain.link_events()
    said = chain.chain_now().trouble
    assert "its end was cut off" in said and said in caplog.text
    chain.verify_and_note()
    assert chain.chain_now().trouble == said


def test_an_edit_at_the_end_is_noticed_with_the_next_link(unprotected):
    (only,) = told(1)
    chain.link_events()
    unprotected(f"UPDATE accounts_auditevent SET text = 'x' WHERE id = {only}")
    told(1)
    chain.link_events()
    assert f"Event {only} of " in chain.chain_now().trouble


def test_the_daily_turn_says_the_newest_hash_in_the_log(caplog):
    told(2)
    with caplog.at_level(logging.INFO):
        head = chain.verify_and_note()
    assert f"audit log: newest hash {head.digest} (2 events), verified" in caplog.text
    assert chain.chain_now().verified_at is not None


def test_lost_triggers_are_a_break():
    told(1)
    chain.link_events()
    append_only.drop(connection, [append_only.LINKS])
    assert "The database no longer refuses changes: auditlink_no_" in found()


def test_links_are_only_added():
    told(1)
    chain.link_events()
    link = AuditLink.objects.get()
    for act in (link.save, link.delete, AuditLink.objects.all().delete, lambda: AuditLink.objects.update(digest="x")):
        with pytest.raises(AppendOnlyError):
            act()


@pytest.mark.django_db(transaction=True)
def test_many_that_link_at_once_make_one_chain(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 3)
    threads = [Thread(chain.link_events) for _ in range(3)]
    told(20)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.done()
    chain.link_events()
    assert (AuditLink.objects.count(), found()) == (20, "")


@pytest.mark.django_db(transaction=True)
def test_events_of_before_are_linked_by_the_migration(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 4)
    executor = MigrationExecutor(connection)
    newest = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "accounts"]
    executor.migrate([("accounts", "0002_append_only")])
    try:
        told(11)
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
    assert found() == ""
    assert AuditLink.objects.count() == 11
    assert append_only.missing(connection) == frozenset()


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("verify_audit", *arguments, stdout=said)
    return said.getvalue()


def test_the_command_says_the_newest_hash_or_what_does_not_fit(unprotected):
    assert "whole: 0 events" in run()
    ids = told(3)
    sweep()
    head = chain.chain_now().digest
    assert run("--expect", head.upper()) == f"The audit log is whole: 3 events.\nNewest hash: {head}\n"
    with pytest.raises(CommandError, match="does not hold the hash abc"):
        run("--expect", "abc", "--expect", head)
    unprotected(f"UPDATE accounts_auditevent SET text = 'x' WHERE id = {ids[1]}")
    with pytest.raises(CommandError, match=f"Event {ids[1]} of .* was changed") as failed:
        run()
    assert failed.value.returncode == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET actor = 'nobody' WHERE id = {}",
        "DELETE FROM accounts_auditlink WHERE position = 2",
        "DELETE FROM accounts_auditlink WHERE position > 2",
        "DROP TRIGGER {}",
    ],
)
def test_a_break_is_acknowledged_and_recorded_and_later_ones_are_found(unprotected, statement):
    ids = told(4)
    chain.link_events()
    kept = AuditLink.objects.get(position=1).digest
    with pytest.raises(CommandError, match="nothing to acknowledge"):
        run("--acknowledge", "no reason")
    if statement.startswith("DROP"):
        append_only.drop(connection, [append_only.LINKS])
    else:
        unprotected(statement.format(ids[1]))
    broken = chain.verify_and_note() and chain.chain_now().trouble
    assert broken
    assert "Acknowledged: verified from here on, " in run("--acknowledge", "tables were repaired by hand")
    event = AuditEvent.objects.get(action="audit.acknowledge")
    assert (event.via, event.text) == (
        "command", f"Goes on with a broken audit log: {broken} Reason: tables were repaired by hand",
    )  # fmt: skip
    later = told(2)
    chain.verify_and_note()
    assert chain.chain_now().trouble == ""
    assert run("--expect", kept).startswith("The audit log is whole after link ")
    assert not AuditEvent.objects.filter(link=None).exists()
    unprotected(f"UPDATE accounts_auditevent SET text = 'x' WHERE id = {later[0]}")
    assert f"Event {later[0]} of " in found()


def test_linking_costs_the_same_however_long_the_log_is():
    told(3)
    chain.link_events()
    plan = chain._unlinked(chain.Models())[:1].explain()
    assert "SEARCH accounts_auditevent USING INTEGER PRIMARY KEY (rowid>?)" in plan
    assert "SCAN accounts" not in plan
