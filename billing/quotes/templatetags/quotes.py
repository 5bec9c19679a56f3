"""Words for what a quote keeps as codes."""

from django import template
from django_countries import countries

from billing.quotes.taxids import KINDS

register = template.Library()


@register.filter
def country_name(code: str) -> str:
    """Return the name of a country in the reader's language."""
    return str(countries.name(code) or code)


@register.filter
def tax_label(kind: str) -> str:
    """Return what people call a kind of tax number."""
    known = KINDS.get(kind)
    return str(known.label) if known else kind
