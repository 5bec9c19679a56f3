"""Tags and filters every page may use: ``{% load doorstone %}``."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.models import Organisation
from accounts.wishes import wish_from, with_wish
from core.clock import day_for_all
from core.money import (
    format_amount,
    format_bps,
    format_exact,
    format_minor,
    format_nano,
)
from design import markdown as rendering
from design import navigation
from design.fragments import fragment_of
from design.stylesheet import stylesheet
from edge.menus import Menu

register = template.Library()


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """Return one drawing of the sprite; it is decoration unless it has a label."""
    href = f"{static('vendor/lucide/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon {}" role="img" aria-label="{}"><use href="{}"></use></svg>',
            css,
            label,
            href,
        )
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', css, href
    )


@register.simple_tag
def query(path: str, rest: str = "", **parameters: object) -> str:
    """Return an address with its parameters, and ``rest``, a query encoded before.

    An empty parameter is left out, and with an empty path it is the page's own address.
    """
    own = urlencode({name: value for name, value in parameters.items() if value})
    encoded = "&".join(part for part in (rest, own) if part)
    if not encoded:
        return path
    return f"{path}{'&' if '?' in path else '?'}{encoded}"


def _request(context: template.Context) -> Any:
    """Return the request, also inside ``{% include … only %}``."""
    return context.get("request") or getattr(context, "request", None)


@register.simple_tag(takes_context=True)
def hx(context: template.Context) -> SafeString:
    """Return the attribute without which htmx ignores an element's hx- attributes."""
    request = _request(context)
    nonce = request.csp_nonce if request is not None else ""
    return format_html('hx-nonce="{}"', nonce)


@register.simple_tag(takes_context=True)
def csp_nonce(context: template.Context) -> str:
    """Return this response's nonce; empty where there is no request."""
    request = _request(context)
    return str(request.csp_nonce) if request is not None else ""


@register.simple_tag
def stylesheet_url() -> str:
    """Return the address of the whole stylesheet, which changes with its text."""
    return reverse("design:stylesheet", args=[stylesheet().digest])


@register.simple_tag(takes_context=True)
def way_in(context: template.Context, name: str) -> str:
    """Return the address of a page of the way in that leads back to this one."""
    request = _request(context)
    return with_wish(reverse(name), wish_from(request) if request else "")


@register.filter
def wishing(url: str, wish: str) -> str:
    """Return an address that carries along where its reader wants to end."""
    return with_wish(url, wish)


@register.filter
def money(amount: int | None, currency: str) -> str:
    """Return minor units as money; an undefined amount is never zero."""
    return _("no data") if amount is None else format_minor(amount, currency)


@register.filter
def nano(amount: int | None, currency: str) -> str:
    """Return billionths of a unit as money; an undefined amount is never zero."""
    return _("no data") if amount is None else format_nano(amount, currency)


@register.filter
def bps(basis_points: int) -> str:
    """Return hundredths of a percent as percent: ``12.5``."""
    return format_bps(basis_points)


@register.filter
def exact_nano(amount_nano: int, currency: str) -> str:
    """Return an amount to the last billionth it holds, for sums that are checked."""
    return format_exact(amount_nano, currency)


@register.filter
def amount(amount_nano: float | None, currency: str) -> SafeString:
    """Return an amount of usage as people read it; the exact one shows on hover.

    ``nano`` remains for prices and allowances, which are exact by themselves.
    """
    if amount_nano is None:
        return SafeString(escape(_("no data")))
    whole = round(amount_nano)
    shown, whole_text = format_amount(whole, currency), format_exact(whole, currency)
    if shown == whole_text:
        return SafeString(escape(shown))
    return format_html('<span title="{}">{}</span>', whole_text, shown)


@register.filter
def compact(number: int | None) -> str:
    """Return a count as short as a list needs it: 840, 2.1k, 3.4M."""
    if number is None:
        return ""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            short = f"{number / size:.1f}".removesuffix(".0")
            return f"{short}{unit}"
    return str(number)


@register.filter
def duration(seconds: int) -> str:
    """Return how long a wait is: 0:45, 12:05, 23:59:59."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def timeago(moment: datetime | None) -> SafeString:
    """Return how long ago, up to thirty days; the exact time shows on hover.

    The browser keeps the text fresh (time.js).
    """
    if moment is None:
        return SafeString("")
    age = timezone.now() - moment
    local = timezone.localtime(moment)
    if age > timedelta(days=30):
        text = date_format(local, "DATE_FORMAT")
    elif abs(age) < timedelta(minutes=1):
        text = _("just now")
    elif age < timedelta(0):
        text = date_format(local, "SHORT_DATETIME_FORMAT")
    else:
        text = _("%(time)s ago") % {"time": timesince(moment, depth=1)}
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        local.strftime("%Y-%m-%d %H:%M %Z"),
        text,
    )


@register.filter
def reporting_day(moment: datetime | None) -> str:
    """Return the day of a moment as figures are cut by: in the reporting time zone.

    A moment with its clock is in the reader's zone; its day alone would lie beside the
    range that counted it.
    """
    if moment is None:
        return ""
    return moment.astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE)).date().isoformat()


@register.simple_tag
def reporting_zone() -> str:
    """Return the name of the time zone in which figures are cut into days."""
    return settings.REPORTING_TIME_ZONE


register.filter(day_for_all)


@register.filter
def markdown(text: str) -> SafeString:
    """Return Markdown as safe HTML; stored text should keep its rendered form."""
    return SafeString(rendering.render(text).html)


@register.filter
def markdown_inline(text: str) -> SafeString:
    """Return one line of Markdown without any block around it."""
    return SafeString(rendering.render_inline(text))


@register.filter
def initials(name: str) -> str:
    """Return one or two letters that stand for a person."""
    words = str(name).replace("_", " ").replace("-", " ").split()
    if not words:
        return "?"
    if len(words) == 1 or not words[0].isascii():
        return words[0][:1].upper()
    return (words[0][0] + words[-1][0]).upper()


@register.filter
def colour_of(name: str) -> int:
    """Return the number of the colour that always belongs to this name."""
    return hashlib.sha256(str(name).encode()).digest()[0] % 8 + 1


@register.filter
def polyline(values: Sequence[float]) -> str:
    """Return the points of a sparkline in a box of 100 by 24."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    scale = (high - low) or 1
    step = 100 / (len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{22 - (value - low) / scale * 20:.1f}"
        for index, value in enumerate(values)
    )


@register.simple_tag(takes_context=True)
def site_links(context: template.Context) -> list[navigation.Link]:
    """Return the top bar's entries."""
    return navigation.links(Menu.SITE, _path(context))


@register.simple_tag(takes_context=True)
def console_links(
    context: template.Context, organisation: Organisation
) -> list[navigation.Link]:
    """Return the console's entries for one organisation."""
    return navigation.links(Menu.CONSOLE, _path(context), org=organisation.slug)


@register.simple_tag
def console_url(organisation: Organisation) -> str:
    """Return the first page of an organisation's console."""
    return reverse("accounts:console-home", args=[organisation.slug])


@register.simple_tag(takes_context=True)
def staff_sections(context: template.Context) -> list[navigation.MenuSection]:
    """Return the sections of the staff pages, each with its entries."""
    return navigation.sections(_path(context))


@register.simple_tag
def legal_pages() -> list[navigation.LegalPage]:
    """Return the legal pages of the operator."""
    return navigation.legal_pages()


@register.simple_tag(takes_context=True)
def account_links(context: template.Context) -> list[navigation.Link]:
    """Return the entries of a person's own settings."""
    return navigation.links(Menu.ACCOUNT, _path(context))


@register.simple_tag(takes_context=True)
def sidebar_title(context: template.Context) -> str:
    """Return what a page's sidebar holds: the reader's settings, or its contents."""
    entries = navigation.links(Menu.ACCOUNT, _path(context))
    is_setting = any(entry.is_current for entry in entries)
    return _("Your settings") if is_setting else _("Contents")


@register.simple_tag(takes_context=True)
def own_organisations(context: template.Context) -> list[Organisation]:
    """Return the organisations the reader belongs to, the personal one first.

    Two menus of one page show them, so the request keeps them.
    """
    request = _request(context)
    if request is None or not request.user.is_authenticated:
        return []
    if not hasattr(request, "own_organisations"):
        mine = Organisation.objects.filter(memberships__user_id=request.user.pk)
        request.own_organisations = list(mine.order_by("kind", "name")[:50])
    organisations: list[Organisation] = request.own_organisations
    return organisations


def _path(context: template.Context) -> str:
    request = _request(context)
    return request.path if request is not None else ""


class RegionNode(template.Node):
    """Draws a region of a shell when the page put something into it."""

    def __init__(self, name: str, title: Any, nodelist: template.NodeList) -> None:
        self.name = name
        self.title = title
        self.nodelist = nodelist

    def render(self, context: template.Context) -> str:
        content = self.nodelist.render(context)
        if not content.strip():
            return ""
        return format_html(
            '<details class="region region--{}" data-region><summary>{}</summary>{}</details>',
            self.name,
            self.title.resolve(context),
            content,
        )


@register.tag
def region(parser: Any, token: template.base.Token) -> RegionNode:
    """``{% region "sidebar" title %}…{% endregion %}``: nothing when it is empty."""
    _tag, name, title = token.split_contents()
    nodelist = parser.parse(("endregion",))
    parser.delete_first_token()
    return RegionNode(name.strip("\"'"), parser.compile_filter(title), nodelist)


# As Django's ``json_script``: nothing in a value ends the element it stands in.
_IN_SCRIPT = {ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&"}


@register.filter
def linked_data(value: dict[str, Any]) -> SafeString:
    """Return JSON-LD for a ``script`` element of that type."""
    return SafeString(json.dumps(value, ensure_ascii=False).translate(_IN_SCRIPT))


class FragmentNode(template.Node):
    """Writes what another app answers into the page, or what is said in its place."""

    def __init__(self, address: Any, nodelist: template.NodeList) -> None:
        self.address = address
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        request = _request(context)
        found = fragment_of(request, self.address.resolve(context)) if request else ""
        return SafeString(found if found.strip() else self.nodelist.render(context))


@register.tag
def fragment(parser: Any, token: template.base.Token) -> FragmentNode:
    """``{% fragment address %}…{% endfragment %}``: the page of another app, or "…".

    It is there without JavaScript, and costs the page no second request.
    """
    _tag, address = token.split_contents()
    nodelist = parser.parse(("endfragment",))
    parser.delete_first_token()
    return FragmentNode(parser.compile_filter(address), nodelist)
