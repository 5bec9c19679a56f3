"""Questions a section answers: read from a comment, found by, shown to nobody."""

from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from community.docs.asked import MAX_LENGTH, MOST
from community.docs.services import import_version
from community.docs.sources import SourceError, read_folder
from search.finding import search_page
from search.models import IndexEntry

PAGE = """---
title: Harbour
---
<!-- asked
where do boats sleep
-->

Boats lie here.

## Fees

<!-- asked
what does a   berth cost

what does a berth cost
-->
<!-- a remark of the writer -->

Mooring is free. <!-- asked
not by itself -->

```html
<!-- asked
only shown
-->
```
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "harbour.md").write_text(PAGE)
    return tmp_path


@pytest.mark.django_db
def test_a_section_is_found_by_questions_that_nobody_sees(
    root: Path, client: Client
) -> None:
    import_version(root, version="1.0", is_default=True)

    intro, fees = IndexEntry.objects.filter(kind="doc").order_by("part")
    assert intro.asked == ["where do boats sleep"]
    assert fees.asked == ["what does a berth cost"]
    # Neither what is quoted nor what is read has them.
    assert "berth" not in fees.source + fees.text
    assert "only shown" in fees.source
    html = client.get("/docs/1.0/harbour/").content.decode()
    assert "berth" not in html
    assert "a remark" not in html
    found = search_page(AnonymousUser(), "berth cost", kinds=["doc"]).items
    assert [hit.url for hit in found] == ["/docs/1.0/harbour/#fees"]
    # The source of the page is what its writers wrote.
    assert (
        "what does a   berth cost"
        in client.get("/docs/1.0/harbour.md").content.decode()
    )


@pytest.mark.django_db
def test_a_changed_question_is_embedded_anew(root: Path) -> None:
    import_version(root, version="1.0", is_default=True)
    before = IndexEntry.objects.get(kind="doc", part=1).digest
    file = root / "en" / "harbour.md"
    file.write_text(PAGE.replace("berth", "night"))

    import_version(root, version="1.0", is_default=True)

    entry = IndexEntry.objects.get(kind="doc", part=1)
    assert entry.asked == ["what does a night cost"]
    assert entry.digest != before


def test_what_is_wrong_with_questions_is_told_with_its_line(
    root: Path,
) -> None:
    long = "x" * (MAX_LENGTH + 1)
    many = "\n".join(f"question {number}" for number in range(MOST + 1))
    (root / "en" / "long.md").write_text(
        f"# Long\n\n<!-- asked\n\n{long}\n-->\n\nText.\n"
    )
    (root / "en" / "many.md").write_text(
        f"---\ntitle: Many\n---\n<!-- asked\n{many}\n-->\n\nText.\n"
    )

    (root / "en" / "none.md").write_text(
        "# A\n\n## B\n\n<!-- asked\nwhat is b\n-->\n\n## C\n\nText.\n"
    )
    with pytest.raises(SourceError) as raised:
        read_folder(root / "en")

    assert raised.value.findings == (
        (
            f"{root}/en/long.md:5: this question has {MAX_LENGTH + 1} characters;"
            f" {MAX_LENGTH} are the most."
        ),
        (
            f"{root}/en/many.md:{5 + MOST}: this section has {MOST + 1} questions;"
            f" {MOST} are the most."
        ),
        f"{root}/en/none.md:6: these questions stand under a heading without a text.",
    )
