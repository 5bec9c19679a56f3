"""Django's error page in development says everything but the secrets."""

import sys
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils.module_loading import import_string
from django.views.debug import ExceptionReporter

from config.reporting import STARS, DiscreetReporter, secrets

PASSWORD = "w&rd-of-the-database"
# Put together, for the page shows these lines as well.
TYPED = " ".join(["typed", "just", "now"])
HIDDEN = {
    "SECRET_KEY": "kept-by-the-settings",
    "FIELD_KEYS": ["first-of-the-keys", "second-of-the-keys"],
    "DATABASES": {"default": {"PASSWORD": PASSWORD}},
    "REDIS_URL": "redis://:word-of-the-cache@127.0.0.1:6379/0",
    "CACHES": {"default": {"LOCATION": "redis://u:word-in-a-place@127.0.0.1/1"}},
}
VALUES = {
    "kept-by-the-settings",
    "first-of-the-keys",
    "second-of-the-keys",
    PASSWORD,
    "word-of-the-cache",
    "word-in-a-place",
}


@pytest.fixture(autouse=True)
def _developing(settings: Any) -> None:
    settings.DEBUG = True
    settings.DEFAULT_EXCEPTION_REPORTER = "config.reporting.DiscreetReporter"
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = "config.reporting.DiscreetFilter"
    for name, value in HIDDEN.items():
        if name != "DATABASES":
            setattr(settings, name, value)
    settings.OTHER_DATABASES = HIDDEN["DATABASES"]


def page_of(reporter: type[ExceptionReporter]) -> str:
    """Return the page of an error in a function that holds every secret."""
    request = RequestFactory().post("/", {"password": TYPED, "name": "Ada"})
    harmless = [HIDDEN, f"{PASSWORD} in a sentence"]
    try:
        _fail(harmless)
    except ZeroDivisionError:
        kind, error, trace = sys.exc_info()
    return str(reporter(request, kind, error, trace).get_traceback_html())


def _fail(everything: object) -> float:
    return len(str(everything)) / 0


def test_secrets_are_found_under_every_name_and_however_deep() -> None:
    assert secrets() >= VALUES


def test_names_of_classes_and_short_words_are_no_secrets() -> None:
    assert {"accounts.User", "usd"} & secrets() == set()
    assert all(len(secret) >= 8 for secret in secrets())


def test_the_error_page_says_where_and_why_without_any_secret(settings: Any) -> None:
    page = page_of(import_string(settings.DEFAULT_EXCEPTION_REPORTER))

    assert "ZeroDivisionError" in page
    assert "len(str(everything)) / 0" in page
    assert STARS in page
    assert [value for value in VALUES if value in page] == []
    assert "w&amp;rd-of-the-database" not in page


def test_what_was_typed_into_a_password_is_not_on_the_page() -> None:
    page = page_of(DiscreetReporter)

    assert "Ada" in page
    assert TYPED not in page


def test_without_it_the_page_would_hold_them() -> None:
    page = page_of(ExceptionReporter)

    assert len([value for value in VALUES if value in page]) >= 2
