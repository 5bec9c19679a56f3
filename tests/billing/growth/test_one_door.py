"""Nothing that tries to move a person goes past the one decision point."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("billing", "community", "inference", "platform")


def places(pattern: str, *, suffix: str = "py") -> set[str]:
    """Return the files of the product in which something is said."""
    found = re.compile(pattern)
    folders = ("templates",) if suffix == "html" else SOURCES
    return {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob(f"*.{suffix}")
        if "migrations" not in path.parts and found.search(path.read_text())
    }


def test_only_the_door_writes_a_decision() -> None:
    assert places(
        r"INSERT INTO growth_decision|Decision(\.objects\.(bulk_)?create)?\(\s*moment="
    ) == {"billing/growth/deciding.py"}


def test_only_moments_ask_at_the_door() -> None:
    assert places(r"(?<!def )(?<![\w.])decide\(") == {"billing/growth/occurrences.py"}
    assert places(r"(?<!def )(?<![\w.])occur\(") == {
        "billing/growth/occurrences.py",
        "billing/growth/campaigns/stepping.py",
        # What a leaving buyer is shown instead.
        "billing/subscriptions/offers.py",
        # What the demo's newcomers live through.
        "platform/demo/launch.py",
    }


def test_only_growth_hints_and_mails_offers() -> None:
    assert places(r"(?<!def )set_hint\(") == {"billing/growth/hints.py"}
    assert places(r"\bKind\.OFFERS,\s*\n\s*dedupe_key") == {"billing/growth/mailing.py"}


def test_a_plan_is_given_by_staff_or_by_an_accepted_offer() -> None:
    assert places(r"(?<!def )grant_plan\(") <= {
        "billing/subscriptions/given.py",
        # By its page.
        "billing/subscriptions/granting.py",
        "platform/demo/services.py",
        "platform/demo/people.py",
        # Who pays by invoice in a launch.
        "platform/demo/launch.py",
    }


def test_only_what_was_decided_is_drawn_as_an_offer() -> None:
    assert places(r'class="upgrade ', suffix="html") == {
        "templates/growth/_offer.html",
        "templates/growth/_previews.html",
        # Where somebody has the models already, and whom to ask: no offer.
        "templates/subscriptions/_upgrade.html",
        "templates/design/styleguide.html",
    } & places(r'class="upgrade ', suffix="html")
    assert (
        "/pricing/" not in (ROOT / "templates/subscriptions/_upgrade.html").read_text()
    )


def test_a_leaving_buyer_is_shown_what_was_decided() -> None:
    assert places(r"\bfitting\(") == {"billing/subscriptions/offers.py"}
