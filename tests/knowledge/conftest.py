"""A small documentation, and people who read it in an order."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activity.services import NewEvent, write_events
from community.docs.services import import_version

AT = datetime(2026, 11, 16, 12, tzinfo=UTC)
# Long enough ago for two weeks to have followed.
LONG_AGO = AT - timedelta(days=40)

PAGES = {
    "start": "Begin here, then read [about keys](keys.md).",
    "keys": "A key opens `tiny`. Without one you get `invalid_api_key`.",
    "limits": "Too much is refused with `insufficient_quota`.",
    "teams": "Work together.",
}


@pytest.fixture
def documentation(db: None, tmp_path: Path) -> None:
    """Four pages in English, two of them in Chinese as well."""
    for locale, names in (("en", list(PAGES)), ("zh-hans", ["keys", "limits"])):
        folder = tmp_path / locale
        folder.mkdir()
        for order, name in enumerate(names):
            title = {"en": name.title(), "zh-hans": f"关于 {name}"}[locale]
            front = f"---\ntitle: {title}\ndescription: x\norder: {order}\n---\n"
            (folder / f"{name}.md").write_text(front + PAGES[name], encoding="utf-8")
    import_version(tmp_path, version="1.0", is_default=True)


def views(
    *pages: str,
    user_id: int | None = None,
    visitor: str = "",
    at: datetime = LONG_AGO,
    apart: timedelta = timedelta(minutes=1),
) -> None:
    """Write down that somebody looked at pages, one after the other."""
    write_events(
        NewEvent(
            name="page_viewed",
            occurred_at=at + number * apart,
            user_id=user_id,
            visitor_id=visitor,
            subject=page if ":" in page else f"doc:1.0/{page}",
            path=f"/docs/1.0/{page}/",
        )
        for number, page in enumerate(pages)
    )


Reads = Callable[..., None]
