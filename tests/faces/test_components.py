"""The parts of pages, drawn by themselves."""

from __future__ import annotations

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.urls import reverse

from tests.pages import PageReader


class Reason(forms.Form):
    reason = forms.CharField()


def drawn(markup: str, **values: object) -> str:
    return Template("{% load components %}" + markup).render(Context({"csrf_token": "tok", **values}))


def read(markup: str, **values: object) -> PageReader:
    reader = PageReader()
    reader.feed(drawn(markup, **values))
    return reader


def test_a_post_button_sends_its_token_and_what_goes_along() -> None:
    markup = (
        '{% post_button "nodes:member-remove" 7 username=who look="danger" spoken=long %}Remove{% endpost_button %}'
    )
    reader = read(markup, who='<b>"x"', long="Remove <x>")
    form = reader.forms[0]
    assert (form.method, form.action) == ("post", reverse("nodes:member-remove", args=[7]))
    assert form.fields == [("csrfmiddlewaretoken", "tok"), ("username", '<b>"x"')]
    html = drawn(markup, who="x", long="Remove <x>")
    assert 'class="btn btn-sm btn-outline-danger"' in html
    assert 'aria-label="Remove &lt;x&gt;"' in html
    assert "onclick" not in html


def test_a_post_button_with_fields_is_an_inline_form_that_bears_the_name() -> None:
    html = drawn(
        '{% post_button "nodes:cluster-pause" 7 fields=form icon="pause" spoken="Pause it" %}Pause{% endpost_button %}',
        form=Reason(),
    )
    assert 'class="inline-form"' in html
    assert html.count('aria-label="Pause it"') == 1
    assert html.index('name="reason"') < html.index("Pause</button>")
    assert "<svg" in html


def test_a_form_holds_buttons_that_are_choices() -> None:
    html = drawn(
        '{% post_form "nodes:ini-key-answer" 7 key="a" %}'
        '{% button "choice" "keep" chosen=it %}Keep{% endbutton %}'
        '{% button "choice" "replicate" chosen=it %}Replicate{% endbutton %}{% endpost_form %}',
        it="keep",
    )
    assert html.count("<form") == 1
    assert html.index('aria-pressed="true"') < html.index('value="replicate"') < html.index('aria-pressed="false"')


def test_a_link_button_leads_by_name_or_as_it_stands() -> None:
    links = read(
        '{% link_button "nodes:cluster-edit" 7 after="#x" %}Edit{% endlink_button %}'
        '{% link_button "?page=2" %}Next{% endlink_button %}'
    ).links
    assert links == [reverse("nodes:cluster-edit", args=[7]) + "#x", "?page=2"]


def test_a_fact_without_a_value_says_so_or_is_not_there() -> None:
    assert drawn('{% fact "System" %} {{ none }} {% endfact %}') == ""
    assert "<dd>not known</dd>" in drawn('{% fact "System" missing="not known" %}{{ none }}{% endfact %}')
    assert "<dd>&lt;i&gt;</dd>" in drawn('{% fact "System" missing="not known" %}{{ it }}{% endfact %}', it="<i>")


def test_a_banner_has_its_words_and_may_have_an_act() -> None:
    html = drawn(
        '{% banner "warn" icon="lock" role="alert" %}<b>So.</b> {{ it }}{% action %}<a>Go</a>{% endbanner %}', it="<"
    )
    assert 'class="banner tone-warn" role="alert"' in html
    assert '<span class="text"><b>So.</b> &lt;</span>' in html
    assert html.index("</span>") < html.index("<a>Go</a>")
    assert 'role="status"' in drawn('{% banner "ok" %}Fine{% endbanner %}')
    with pytest.raises(TemplateSyntaxError, match="does not know"):
        drawn('{% banner "ok" loud %}Fine{% endbanner %}')


def test_a_table_can_be_reached_by_keyboard_and_has_a_name() -> None:
    html = drawn("{% table name stacked=True %}<tbody></tbody>{% endtable %}", name="Host <keys>")
    assert 'tabindex="0" role="region" aria-label="Host &lt;keys&gt;"' in html
    assert '<table class="table stacked"><tbody></tbody></table>' in html
