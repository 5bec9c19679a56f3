"""The product's own documentation: whole, linked, and true of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from billing.plans.defaults import DEFAULT_PLANS
from community.docs.models import LOCALES, Page
from community.reputation.services import DAILY_CAP, RULES
from core.money import NANO

ROOT = Path(__file__).resolve().parents[3]
SITE = ROOT / "docs" / "site"


def text_of(page: str, locale: str) -> str:
    return (SITE / "1.0" / locale / f"{page}.md").read_text(encoding="utf-8")


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def paths_in(version: str, locale: str) -> set[str]:
    root = SITE / version / locale
    return {str(file.relative_to(root)) for file in root.rglob("*.md")}


def fences(version: str) -> Iterator[tuple[str, str]]:
    for file in (SITE / version).rglob("*.md"):
        for language, code in re.findall(
            r"^```(\w+)\n(.*?)^```$", file.read_text(), re.DOTALL | re.MULTILINE
        ):
            yield f"{file}: {language}", code


@pytest.mark.parametrize("version", ["0.9", "1.0"])
def test_both_languages_have_the_same_pages(version: str) -> None:
    assert paths_in(version, "en") == paths_in(version, "zh-hans")


@pytest.mark.parametrize("version", ["0.9", "1.0"])
def test_both_languages_show_the_same_number_of_sections_and_examples(
    version: str,
) -> None:
    for path in paths_in(version, "en"):
        shapes = set()
        for locale in LOCALES:
            text = (SITE / version / locale / path).read_text()
            shapes.add((text.count("\n## "), text.count("\n```"), text.count("\n|")))
        assert len(shapes) == 1, path


@pytest.mark.django_db
def test_the_site_is_imported_and_every_link_of_it_works(client: Client) -> None:
    call_command("docs", "import", str(SITE / "0.9"), version="0.9", verbosity=0)
    call_command(
        "docs", "import", str(SITE / "1.0"), version="1.0", default=True, verbosity=0
    )

    pages = Page.objects.published()
    assert pages.filter(version__slug="1.0").count() == 2 * len(paths_in("1.0", "en"))
    links = {
        link
        for page in pages
        for link in re.findall(r'href="(/[^"#]*)', page.html)
        if not link.startswith(("/u/", "/console/<"))
    }
    found = {link: client.get(link).status_code for link in sorted(links)}
    assert {link: code for link, code in found.items() if code not in {200, 302}} == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_code_of_the_gateway_is_explained(locale: str) -> None:
    sources = [*(ROOT / "inference" / "gateway").glob("*.py")]
    codes = {
        code
        for file in sources
        for code in re.findall(r'code="([a-z_]+)"', file.read_text())
    }
    codes.add("context_length_exceeded")

    page = text_of("api/errors", locale)

    # ``not_found`` is the answer of a gateway run alone to what is no API at all.
    missing = {code for code in codes - {"not_found"} if f"`{code}`" not in page}
    assert missing == set()


@pytest.mark.parametrize("locale", LOCALES)
def test_limits_and_prices_are_those_of_the_plans(locale: str) -> None:
    limits, plans = text_of("api/limits", locale), text_of("billing/index", locale)

    for plan in DEFAULT_PLANS:
        features = plan.features
        assert f" {spaced(features.requests_per_minute)} |" in limits
        assert f" {spaced(features.tokens_per_minute)} |" in limits
        assert f" {features.concurrent_requests} |" in limits
        assert f"${features.monthly_allowance_nano // NANO}" in plans
        for cents in filter(None, (plan.monthly, plan.yearly)):
            assert f"${cents // 100}" in plans


@pytest.mark.parametrize("locale", LOCALES)
def test_points_are_those_that_are_given(locale: str) -> None:
    page = text_of("community/reputation", locale)

    for points in RULES.values():
        assert f" {'+' if points > 0 else '−'}{abs(points)} |" in page
    assert str(DAILY_CAP) in page


@pytest.mark.parametrize("locale", LOCALES)
def test_every_variable_of_the_settings_is_explained(locale: str) -> None:
    folder = ROOT / "platform/config/settings"
    modules = [path for path in folder.glob("*.py") if path.stem not in {"dev", "test"}]
    settings = "\n".join(path.read_text() for path in modules)
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings))
    # Set by the processes themselves, or fine as they are.
    names -= {"APPLICATION_NAME", "DATABASE_SESSION", "DOORSTONE_DEVELOPMENT"}

    pages = text_of("self-hosting/configuration", locale) + text_of(
        "self-hosting/index", locale
    )

    assert {name for name in names if f"`{name}`" not in pages} == set()


def test_every_command_that_is_named_exists() -> None:
    commands = {file.stem for file in ROOT.rglob("management/commands/[a-z]*.py")}
    named = {
        name
        for version in ("1.0",)
        for file in (SITE / version).rglob("*.md")
        for name in re.findall(r"manage\.py ([a-z_]+)", file.read_text())
    }

    assert named - commands - {"migrate", "collectstatic", "shell"} == set()


def test_python_examples_compile() -> None:
    for name, code in fences("1.0"):
        if name.endswith(": python") and "print(" in code:
            compile(code, name, "exec")


@pytest.mark.django_db
def test_the_example_of_a_model_offers_one() -> None:
    from inference.catalog.queries import offered_models

    (code,) = (
        code
        for code in re.findall(
            r"^```python\n(.*?)^```",
            text_of("self-hosting/models", "en"),
            re.DOTALL | re.MULTILINE,
        )
        if "publish_model" in code
    )

    exec(code, {})  # noqa: S102 - our own page, as a reader would paste it

    assert [model.slug for model in offered_models()] == ["qwen3-8b"]


def test_the_worked_example_is_right() -> None:
    for locale in LOCALES:
        page = text_of("conversion", locale)
        assert "0.10 × (100 − 70) × 1 000 = 0.10 × 30 × 1 000 = 3 000" in page
        assert "30 × 1 000" in page
