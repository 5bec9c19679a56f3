import ast

import pytest

from tools.lint.addresses import (
    fixed_beginnings,
    leading_nowhere,
    written_out,
)


def nowhere(text: str) -> list[str]:
    found = leading_nowhere(ast.parse(text), fixed_beginnings())
    return [address for address, _line in found]


@pytest.mark.parametrize(
    "planted",
    [
        '<a href="/pricing/">',
        "<form method=post action='/forum/{{ topic.pk }}/reply/'>",
        '<div hx-get="/_growth/slot/console/?org={{ org }}">',
        '<button formaction="/drafts/discard/">',
    ],
)
def test_an_address_in_a_template_is_named(planted: str) -> None:
    assert [line for _address, line in written_out(f"<p>\n{planted}")] == [2]


@pytest.mark.parametrize(
    "planted",
    ['<a href="/">', "<a href=\"{% url 'plans:pricing' %}\">", '<a href="#top">'],
)
def test_what_names_its_page_is_fine(planted: str) -> None:
    assert list(written_out(planted)) == []


@pytest.mark.parametrize(
    "planted",
    [
        'notify(user, url="/settings/standin/")',
        'notify(user, url=f"/forums/p/{post.pk}/")',
        'redirect("/console/acme/key/?made=1")',
        'PAGE = f"/settings/nothing/{name}/"',
    ],
)
def test_an_address_of_no_page_is_named(planted: str) -> None:
    assert len(nowhere(planted)) == 1


@pytest.mark.parametrize(
    "planted",
    [
        'notify(user, url="/settings/standing/")',
        'notify(user, url=f"/forum/p/{post.pk}/comments/#comment-{pk}")',
        'redirect("/console/acme/keys/?made=1")',
        'PRIVATE = ("/staff/", "/console/", "/forum/_")',
        'read("/var/run/postgresql") or "/a sentence/ about a path"',
    ],
)
def test_an_address_of_a_page_and_what_is_none_are_fine(planted: str) -> None:
    assert nowhere(planted) == []
