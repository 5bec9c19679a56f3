"""What was typed into a form is named as its page names it."""

import pytest
from django.http import QueryDict
from django.utils import translation

import config.urls  # noqa: F401 - the routes import every form
from accounts.typed import texts_typed


@pytest.mark.parametrize(
    ("language", "labels"), [("en", ["Name", "About"]), ("zh-hans", ["名称", "简介"])]
)
def test_a_field_is_named_in_the_language_of_its_reader(
    language: str, labels: list[str]
) -> None:
    sent = QueryDict("display_name=Ada&bio=x&website=&locale=&time_zone=&theme=")

    with translation.override(language):
        found = texts_typed(sent)

    assert [each.label for each in found] == labels
