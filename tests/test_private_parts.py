"""After an upgrade: each private part we need of a library is where it was.

A failure prints what the part was for, where to look for it now, and which of our
files reaches for it; nothing else does, or ``make lint`` would say so.
"""

import inspect
from importlib import import_module

import pytest
from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from allauth.account.internal.stagekit import unstash_login
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from tools.lint.private_parts import Part, parts


def found(path: str) -> object:
    """Return a module, or what a module has, by its dotted path."""
    try:
        return import_module(path)
    except ModuleNotFoundError:
        return import_string(path)


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.path)
def test_what_we_reach_for_is_still_there(part: Part) -> None:
    advice = f"{part.file} reaches for it.{part.upgrade}"

    home = found(part.path)

    for name in part.names:
        # The framework sets this one on each request.
        is_there = hasattr(home, name) or (home is Request and name == "_request")
        assert is_there, f"{part.path} has no {name} any more. {advice}"


def test_it_still_takes_what_we_give_it() -> None:
    def names(function: object) -> list[str]:
        assert callable(function)
        return list(inspect.signature(function).parameters)

    assert names(get_authentication_records) == ["request", "user"]
    assert names(record_authentication)[:3] == ["request", "user", "method"]
    assert names(unstash_login) == ["request", "peek"]
    refuse = vars(CsrfViewMiddleware)["_reject"]
    assert names(refuse) == ["self", "request", "reason"]


def test_the_framework_still_wraps_djangos_request() -> None:
    request = APIRequestFactory().get("/")

    assert Request(request)._request is request
