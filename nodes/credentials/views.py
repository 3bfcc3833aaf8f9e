"""Pages about credentials. What is secret goes in and never comes out."""

from __future__ import annotations

from collections.abc import Callable

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django_tables2.utils import A

from accounts.filters import WordsFilter
from accounts.models import Role
from accounts.requests import principal_of
from accounts.tables import ListTable
from nodes.clusters.access import Rights, require
from nodes.clusters.views import cluster_page, clusters_of, visible_cluster
from nodes.credentials import services as credentials_services
from nodes.credentials.authorized_keys import AuthorizedKeyLines, authorized_key_lines
from nodes.credentials.forms import (
    CredentialForm,
    KeyForm,
    KeyPairForm,
    NewKeyForm,
    NewPasswordForm,
    PasswordForm,
)
from nodes.credentials.models import Credential
from nodes.credentials.selectors import credentials_for
from nodes.credentials.services import Login, PrivateKey
from nodes.enums import CredentialKind
from nodes.web.actions import FormPage, done, form_page
from nodes.web.forms import ConfirmName
from nodes.web.listing import ListingView


class CredentialTable(ListTable):
    """One row a credential."""

    name = tables.Column(linkify=("nodes:credential", [A("pk")]))
    cluster = tables.Column(linkify=lambda record: cluster_page(record.cluster_id))
    username = tables.Column(verbose_name="User name")
    kind = tables.Column()
    fingerprint = tables.Column(verbose_name="Key fingerprint", orderable=False, default="")
    changed_at = tables.DateTimeColumn(verbose_name="Changed", format="Y-m-d H:i")
    label = "Credentials"

    class Meta:
        template_name = "components/table.html"
        empty_text = "No credential matches."
        order_by = "name"


class CredentialFilter(django_filters.FilterSet):
    """Search, cluster, kind."""

    q = WordsFilter("name", "username", "fingerprint", label="Search")
    cluster = django_filters.ModelChoiceFilter(queryset=clusters_of, label="Cluster", empty_label="All")
    kind = django_filters.ChoiceFilter(choices=CredentialKind.choices, label="Kind", empty_label="All")

    class Meta:
        model = Credential
        fields: list[str] = []


class CredentialList(ListingView):
    """All credentials the user may see, without their secrets."""

    table_class = CredentialTable
    filterset_class = CredentialFilter
    page_template = "nodes/credentials/credential_list.html"

    def get_queryset(self) -> QuerySet[Credential]:
        """With their clusters."""
        return credentials_for(self.principal)


def credential_page(credential_id: int) -> str:
    """The address of a credential's page."""
    return reverse("nodes:credential", args=[credential_id])


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A credential: who uses it and, for a key, the lines that let it in."""
    principal = principal_of(request)
    credential = get_object_or_404(credentials_for(principal), pk=pk)
    context = {
        "credential": credential,
        "nodes": credential.nodes.all(),
        "rights": Rights.on(principal, credential.cluster_id),
        "lines": _lines(credential),
    }
    return render(request, "nodes/credentials/credential.html", context)


def _lines(credential: Credential) -> AuthorizedKeyLines | None:
    """What to run on the servers; None for a password."""
    if not credential.public_key:
        return None
    return authorized_key_lines(public_key=credential.public_key, username=credential.username)


def _create(
    request: HttpRequest, pk: int, form: CredentialForm, page: FormPage, store: Callable[[Login], Credential]
) -> HttpResponse:
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)

    def keep() -> Credential:
        data = form.cleaned_data
        return store(Login(cluster_id=cluster.pk, name=data["name"], username=data["username"]))

    credential = form.attempt(keep) if request.method == "POST" else None
    if credential is not None:
        return done(request, credential_page(credential.pk), f"Stored credential {credential.name}.")
    return form_page(request, form, page)


def _page(title: str, verb: str, pk: int, lead: str = "") -> FormPage:
    return FormPage(title, verb, cluster_page(pk), "Cluster", lead)


def add_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a user name with a password."""
    form = PasswordForm(request.POST or None)
    page = _page("Add a password", "Store password", pk, "A key pair is safer: it cannot be guessed.")
    principal = principal_of(request)
    return _create(
        request,
        pk,
        form,
        page,
        lambda login: credentials_services.store_password(principal, login=login, password=form.secret()),
    )


def add_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a user name with a private key the operator has."""
    form = KeyForm(request.POST or None)
    principal = principal_of(request)
    return _create(
        request,
        pk,
        form,
        _page("Add a private key", "Store key", pk),
        lambda login: credentials_services.store_key(
            principal, login=login, key=PrivateKey(form.secret(), form.opening())
        ),
    )


def make_pair(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a key pair; the next page shows the lines for the servers."""
    lead = "The portal makes an Ed25519 key pair and keeps the private half. The next page says what to run there."
    principal = principal_of(request)
    return _create(
        request,
        pk,
        KeyPairForm(request.POST or None),
        _page("Make a key pair", "Make key pair", pk, lead),
        lambda login: credentials_services.make_credential_key_pair(principal, login=login),
    )


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename, or replace what is secret."""
    principal = principal_of(request)
    credential = get_object_or_404(credentials_for(principal), pk=pk)
    require(principal, credential.cluster_id, Role.ADMINISTRATOR)
    kind = NewKeyForm if credential.kind == CredentialKind.KEY else NewPasswordForm
    form = kind(request.POST or None, credential=credential)
    if request.method == "POST":
        saved = form.attempt(
            lambda: credentials_services.update_credential(
                principal, credential_id=pk, change=form.change(), seen_version=form.version()
            )
        )
        if saved is not None:
            return done(request, credential_page(pk), f"Saved credential {saved.name}.")
    page = FormPage(f"Edit credential {credential.name}", "Save", credential_page(pk), credential.name)
    return form_page(request, form, page)


def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a credential, after its name was typed."""
    principal = principal_of(request)
    credential = get_object_or_404(credentials_for(principal), pk=pk)
    require(principal, credential.cluster_id, Role.ADMINISTRATOR)
    form = ConfirmName(request.POST or None, name=credential.name)
    if request.method == "POST":
        gone = form.attempt(lambda: credentials_services.remove_credential(principal, credential_id=pk) or True)
        if gone:
            return done(request, reverse("nodes:credential-list"), f"Removed credential {credential.name}.")
    lead = "The sealed secret is deleted. It cannot be brought back."
    page = FormPage(
        f"Remove credential {credential.name}",
        "Remove credential",
        credential_page(pk),
        credential.name,
        lead,
        danger=True,
    )
    return form_page(request, form, page)
