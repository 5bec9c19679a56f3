"""Nothing is sold that no code keeps: the page, its answers and the documentation."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from html import unescape
from typing import Any

import polib
import pytest
from django.test import Client
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext, pgettext

from billing.plans.comparison import SOLD, Cell, comparison, highlights
from billing.plans.defaults import DEFAULT_PLANS
from billing.plans.grace import GRACE
from billing.plans.models import Plan
from billing.plans.questions import QUESTIONS
from billing.plans.services import ensure_default_plans
from core.money import NANO
from entitlements.features import FREE, Features
from tests.fakes.servers import ROOT

LANGUAGES = ("en", "zh-hans")
FIELDS = {each.name: each for each in fields(Features) if each.name != "plan"}
# Words of promises that were made once and that nothing kept.
UNKEPT = {
    "en": r"single sign-on|\bSSO\b|list price|priority support|first answer"
    r"|shared keys and budgets|within \d+ hours|beyond the allowance",
    "zh-hans": r"单点登录|首次答复|优先支持|标价计费|超出额度使用",
}
CATALOGUE = ROOT / "platform/design/locale/zh_Hans/LC_MESSAGES/django.po"
SITE = ROOT / "docs" / "site" / "1.0"


def test_every_feature_is_read_where_somebody_is_let_through_or_not() -> None:
    for name, each in FIELDS.items():
        keeper = named(each.metadata["kept_by"])

        assert re.search(rf"\.{name}\b", inspect.getsource(keeper)), name


def test_a_feature_that_nobody_reads_would_be_found() -> None:
    keeper = named(FIELDS["seats"].metadata["kept_by"])

    assert not re.search(r"\.audit_log\b", inspect.getsource(keeper))


def test_the_comparison_is_made_of_features_and_of_all_of_them() -> None:
    assert [sold.feature for sold in SOLD] == list(
        dict.fromkeys(sold.feature for sold in SOLD)
    )
    assert {sold.feature for sold in SOLD} == set(FIELDS)


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_names_code_that_is_there(language: str) -> None:
    for each in QUESTIONS:
        assert each.kept_by, each.question
        assert all(callable(named(name)) for name in each.kept_by)
        with translation.override(language):
            said = f"{each.question} {each.answer}"
        assert not re.search(UNKEPT[language], said, re.IGNORECASE)
        assert bool(re.search(r"[\u4e00-\u9fff]", said)) is (language == "zh-hans")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said"), [("en", "stays for {} days"), ("zh-hans", "保留 {} 天")]
)
def test_the_days_a_plan_stays_unpaid_are_those_the_code_counts(
    client: Client, language: str, said: str
) -> None:
    ensure_default_plans()

    assert said.format(GRACE.days) in answers_of(client, language)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "language", "said"),
    [
        ("Community", "en", "goes on with the plan Community,"),
        ("Community", "zh-hans", "“社区版”套餐"),
        ("Garden", "en", "goes on with the plan Garden,"),
        ("Garden", "zh-hans", "“Garden”套餐"),
    ],
)
def test_the_plan_that_goes_on_has_the_name_that_staff_gave_it(
    client: Client, name: str, language: str, said: str
) -> None:
    ensure_default_plans()
    Plan.objects.filter(key=FREE.plan).update(name=name)

    assert said in answers_of(client, language)


def test_no_sentence_says_the_free_plan_where_the_code_knows_a_name() -> None:
    said = [entry.msgid for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete]

    assert len(said) > 1000
    assert [
        each for each in said if re.search(r"(with|on|to) the free plan", each)
    ] == []


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seats", [1, 5])
def test_the_page_says_that_and_nothing_else(
    client: Client, language: str, seats: int
) -> None:
    ensure_default_plans()
    client.cookies["ds_language"] = language

    html = unescape(client.get(f"/pricing/?seats={seats}").content.decode())

    with translation.override(language):
        allowed = {str(sold.label) for sold in SOLD}
        points = {
            point
            for default in DEFAULT_PLANS
            for count in {default.seat_min, max(seats, default.seat_min)}
            for point in highlights(features_of(default, min(count, default.seat_max)))
        }
        questions = {str(each.question) for each in QUESTIONS}
    said = html.split("<main", 1)[1]
    assert set(texts(said, 'th scope="row"', "th")) == allowed
    lists = re.findall(r'<ul class="plan__points">(.*?)</ul>', said, re.DOTALL)
    assert lists
    assert {text for part in lists for text in texts(part, "li", "li")} <= points
    assert set(texts(said, "summary", "summary")) == questions
    assert not re.search(UNKEPT[language], said, re.IGNORECASE)


def test_each_line_of_a_card_is_one_feature() -> None:
    """What no feature changes is kept by nothing; two of one are one too many."""
    for default in DEFAULT_PLANS:
        features = features_of(default, default.seat_min)
        lines = set(highlights(features))
        behind: dict[str, str] = {}
        for name in FIELDS:
            value = getattr(features, name)
            other: Any = not value if isinstance(value, bool) else value + NANO
            gone = lines - set(highlights(replace(features, **{name: other})))
            assert len(gone) <= 1, (name, gone)
            behind |= dict.fromkeys(gone, name)
        assert behind.keys() == lines


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/pricing/talk/", "/pricing/"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_that_sells_repeats_what_nothing_kept(
    client: Client, path: str, language: str
) -> None:
    ensure_default_plans()
    client.cookies["ds_language"] = language

    html = unescape(client.get(path).content.decode())

    assert not re.search(UNKEPT[language], html, re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documentations_tables_are_the_comparison(language: str) -> None:
    """Each row of the two pages is one of the page's, with the same values."""
    known: dict[str, list[str]] = {}
    with translation.override(language):
        plans = [features_of(default, default.seat_min) for default in DEFAULT_PLANS]
        for row in comparison(plans):
            known[str(row.label)] = [
                shown(cell, default, language)
                for cell, default in zip(row.cells, DEFAULT_PLANS, strict=True)
            ]
        known[gettext("Open models")] = [yes_or_no(language, True)] * 4
        # The prices are the plans' own.
        prices = {"en": ("Per month", "Per year"), "zh-hans": ("按月", "按年")}[
            language
        ]
        known[prices[0]] = [price(each, "monthly", language) for each in DEFAULT_PLANS]
        known[prices[1]] = [price(each, "yearly", language) for each in DEFAULT_PLANS]
        heads = [pgettext("plan", default.name) for default in DEFAULT_PLANS]
    found = {
        name: dict(table(SITE / language / name, heads))
        for name in ("billing/index.md", "api/limits.md")
    }

    assert all(found.values())
    for rows in found.values():
        for label, values in rows.items():
            assert values == known[label], label
    assert set().union(*found.values()) == set(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documentation_repeats_no_promise_nothing_kept(language: str) -> None:
    for name in ("billing", "api"):
        for path in (SITE / language / name).rglob("*.md"):
            found = re.search(UNKEPT[language], path.read_text(), re.IGNORECASE)
            assert not found, path


def test_the_free_plan_is_sold_as_what_everybody_has() -> None:
    assert DEFAULT_PLANS[0].features == FREE


def answers_of(client: Client, language: str) -> str:
    """Return the questions and answers of the page that sells, as they are read."""
    client.cookies["ds_language"] = language
    html = unescape(client.get("/pricing/").content.decode())
    said = html.split('id="faq"')[1].partition("</section>")[0]
    # Nothing that was to be filled in stands there open.
    assert not re.search(r"[{}]|%\(", said)
    return said


def named(path: str) -> Any:
    """Return what ``path`` names, a method of a class too."""
    try:
        return import_string(path)
    except ImportError:
        owner, _, name = path.rpartition(".")
        return getattr(import_string(owner), name)


def features_of(default: Any, seats: int) -> Features:
    """Return what so many seats grant, as a published version would say."""
    from billing.plans.models import PlanVersion

    return PlanVersion(
        features=default.features.to_dict(),
        seat_min=default.seat_min,
        seat_max=default.seat_max,
    ).features_for(seats)


def texts(html: str, opening: str, closing: str) -> Iterator[str]:
    for text in re.findall(rf"<{opening}[^>]*>(.*?)</{closing}>", html, re.DOTALL):
        yield re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip()


def table(path: Any, heads: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of the table of plans on a page."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    start = next(index for index, row in enumerate(rows) if row[1:] == heads)
    for row in rows[start + 2 :]:
        if len(row) != len(heads) + 1:
            return
        yield row[0], row[1:]


def yes_or_no(language: str, value: bool) -> str:
    return {"en": ("no", "yes"), "zh-hans": ("否", "是")}[language][value]


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def shown(cell: Cell, default: Any, language: str) -> str:
    """Return a value as the documentation writes it."""
    if cell.kind == "flag":
        return yes_or_no(language, bool(cell.value))
    if cell.kind == "nano":
        return per_seat(
            default, f"${default.features.monthly_allowance_nano // NANO}", language
        )
    if default.seat_max > 1 and cell.value == default.seat_min:
        to = {"en": "to", "zh-hans": "至"}[language]
        return f"{default.seat_min} {to} {grouped(default.seat_max)}"
    return grouped(int(cell.value))


def per_seat(default: Any, text: str, language: str) -> str:
    if default.seat_max == 1:
        return text
    return {"en": f"{text} per seat", "zh-hans": f"每席位 {text}"}[language]


def price(default: Any, interval: str, language: str) -> str:
    amount = getattr(default, interval)
    if amount is None:
        return "$0" if default.key == "free" else "–"
    return per_seat(default, f"${amount // 100}", language)
