"""Django's error page in development, without the secrets of this installation."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

STARS = SafeExceptionReporterFilter.cleansed_substitute
_NAMED = SafeExceptionReporterFilter.hidden_settings
# A password that an address carries.
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:([^@\s/]+)@|^[^/\s:@]*:([^@\s/]+)@")
# Names of classes stand in settings that are called as secrets are.
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
# What is shorter would be found inside ordinary words.
_LEAST = 8


def secrets() -> set[str]:
    """Return every secret the settings hold, under any name and at any depth."""
    found = {
        word
        for name in dir(settings)
        if name.isupper()
        for word in _secrets_in(getattr(settings, name), bool(_NAMED.search(name)))
    }
    return {word for word in found if len(word) >= _LEAST}


def _secrets_in(value: object, is_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        for groups in _IN_ADDRESS.findall(value):
            yield from filter(None, groups)
        if is_secret and not _DOTTED.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _secrets_in(part, is_secret or bool(_NAMED.search(str(name))))
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _secrets_in(part, is_secret)


class DiscreetFilter(SafeExceptionReporterFilter):
    """Hides by name what was typed and what code holds, with ``DEBUG`` too."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        sent = {} if request is None else request.POST.dict()
        return {name: self.cleanse_setting(name, value) for name, value in sent.items()}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in variables]


class DiscreetReporter(ExceptionReporter):
    """Puts stars for the secrets themselves, wherever in the page they stand."""

    def get_traceback_html(self) -> SafeString:
        return _without_secrets(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return _without_secrets(super().get_traceback_text())


def _without_secrets(page: str) -> SafeString:
    # The longest first: one may be a part of another.
    for secret in sorted(secrets(), key=len, reverse=True):
        for form in {secret, escape(secret), quote(secret, safe="")}:
            page = page.replace(form, STARS)
    # Django's own template has escaped it.
    return SafeString(page)
