"""Coloured code in templates: ``{% load code %}``."""

from django import template
from django.utils.safestring import SafeString

from design.markdown.highlighting import Highlighter

register = template.Library()


@register.filter
def highlighted(code: str, language: str = "") -> SafeString:
    """Return code, escaped, with the colours of its language."""
    return SafeString(Highlighter().highlight(str(code), language or ""))
