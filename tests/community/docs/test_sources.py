from pathlib import Path

import pytest

from community.docs import sources
from community.docs.sources import Source, SourceError
from tests.community.docs.conftest import Folder


def anchors_of(source: Source) -> set[str]:
    return {"limits"}


def test_pages_are_read_in_order_with_their_folders_first(folder: Folder) -> None:
    root = folder(
        {
            "en/index.md": "",
            "en/api/index.md": "",
            "en/api/errors.md": "",
            "en/z.md": "",
        }
    )

    pages = sources.read_folder(root / "en")

    assert [(page.path, page.parent) for page in pages] == [
        ("index", ""),
        ("api", ""),
        ("api/errors", "api"),
        ("z", ""),
    ]
    assert [page.position for page in pages] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"en/a.md": "---\nno colon\n---\n"}, "a.md:2: expected `name: value`."),
        (
            {"en/a.md": "---\ntitle: A\norder: first\n---\n"},
            "a.md:3: order has to be a whole number.",
        ),
        (
            {"en/a.md": "---\norder: 1\n---\n"},
            "a.md:1: the front matter names no title.",
        ),
        ({"en/a.md": "", "en/a/index.md": ""}, "is the same page; keep one of them."),
        ({"en/a/b.md": ""}, "the folder has no page of its own"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    folder: Folder, files: dict[str, str], said: str
) -> None:
    root = folder(files)

    with pytest.raises(SourceError) as refused:
        sources.read_folder(root / "en")

    assert said in str(refused.value)


def test_a_file_without_front_matter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Hello\n")

    with pytest.raises(SourceError, match=r"a\.md:1: begin with front matter"):
        sources.read_folder(tmp_path)


def test_a_broken_link_is_named_with_file_and_line(folder: Folder) -> None:
    root = folder({"en/a.md": "One\n\n[gone](b.md) and [here](a.md)\n"})

    broken = sources.broken_links(sources.read_folder(root / "en"), anchors_of)

    assert broken == [f"{root}/en/a.md:8: b.md"]


@pytest.mark.parametrize(
    ("target", "is_broken"),
    [
        ("b.md#limits", False),
        ("b.md#none", True),
        ("#limits", False),
        ("#none", True),
        ("/pricing/", False),
        ("https://example.com/x.html#y", False),
    ],
)
def test_a_link_to_a_section_has_to_find_it(
    folder: Folder, target: str, is_broken: bool
) -> None:
    root = folder({"en/a.md": f"[there]({target})\n", "en/b.md": ""})

    broken = sources.broken_links(sources.read_folder(root / "en"), anchors_of)

    assert bool(broken) is is_broken


@pytest.mark.parametrize(
    "body",
    [
        "`[gone](b.md)`\n",
        "```markdown\n[gone](b.md)\n```\n",
        "1. a\n\n   ```\n   [gone](b.md)\n   ```\n",
        "````markdown\n```\n[gone](b.md)\n```\n````\n",
    ],
)
def test_links_in_code_are_examples(folder: Folder, body: str) -> None:
    root = folder({"en/a.md": body})
    (page,) = sources.read_folder(root / "en")

    assert sources.broken_links([page], anchors_of) == []
    assert sources.with_site_links(page, "1.0") == body


def test_links_between_files_become_addresses(folder: Folder) -> None:
    root = folder(
        {
            "en/api/index.md": "[E](errors.md#limits) [H](../index.md)\n",
            "en/api/errors.md": "[up](index.md)\n",
            "en/index.md": "[api](api/index.md)\n",
        }
    )

    bodies = {
        page.path: sources.with_site_links(page, "1.0")
        for page in sources.read_folder(root / "en")
    }

    assert bodies == {
        "api": "[E](/docs/1.0/api/errors/#limits) [H](/docs/1.0/index/)\n",
        "api/errors": "[up](/docs/1.0/api/)\n",
        "index": "[api](/docs/1.0/api/)\n",
    }


@pytest.mark.parametrize(
    ("markdown", "prose"),
    [
        ("A **bold** and\n*wrapped* line.\n", "A bold and wrapped line."),
        ("一行文字，\n换行之后。\n", "一行文字，换行之后。"),
        ("`insufficient_quota` and `_x_`", "insufficient_quota and _x_"),
        ("[`code`](a.md): see", "code: see"),
        ("1. one\n2. two\n   more\n", "one\ntwo more"),
        ("> said\n", "said"),
        ("| Code | Cause |\n| --- | --- |\n| `a_b` | It broke. |\n", "a_b: It broke"),
        (
            "| | Free | Pro |\n| --- | --- | ---: |\n| Requests | 60 | 300 |\n",
            "Requests: Free 60, Pro 300",
        ),
        ("```sh\na_b | c\n```\n", "```sh\na_b | c\n```"),
    ],
)
def test_markdown_becomes_prose_for_search(markdown: str, prose: str) -> None:
    assert sources.readable(markdown) == prose


def test_a_page_is_cut_at_its_headings_and_not_in_code() -> None:
    body = "Before.\n\n## One\n\n```sh\n# no heading\n```\n\n## Empty\n\n### Two\n\nMore.\n"

    parts = sources.sections(
        "Title", body, [("One", "one"), ("Empty", "empty"), ("Two", "two")]
    )

    assert [(part.heading, part.anchor) for part in parts] == [
        ("Title", ""),
        ("One", "one"),
        ("Two", "two"),
    ]
    assert "# no heading" in parts[1].text
