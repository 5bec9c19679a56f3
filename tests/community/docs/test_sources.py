import os
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
        (
            {"en/a.md": "---\nno colon\n---\n"},
            "a.md:2: the front matter has to be lines",
        ),
        (
            {"en/a.md": "---\ntitle: A\ntags: [a\n---\n"},
            "a.md:4: the front matter is no YAML: ",
        ),
        (
            {"en/a.md": "---\ntitle: A\norder: first\n---\n"},
            "a.md:3: order has to be a whole number.",
        ),
        (
            {"en/a.md": "---\ntitle: A\nsidebar_position: 1.5\n---\n"},
            "a.md:3: sidebar_position has to be a whole number.",
        ),
        (
            {"en/a.md": '---\norder: 1\ntitle: "a\\0b"\n---\n'},
            "a.md:3: title has a character that cannot be stored.",
        ),
        (
            {"en/a.md": '---\ndescription: "a \\uD800"\n---\n'},
            "a.md:2: description has a character that cannot be stored.",
        ),
        (
            {"en/a.md": f"---\na: {'[' * 5_000}\n---\n"},
            "a.md:2: the front matter is nested",
        ),
        ({"en/a.md": "", "en/a/index.md": ""}, "is the same page; keep one of them."),
        ({"en/a b.md": "", "en/a-b.md": ""}, "is the same page; keep one of them."),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    folder: Folder, files: dict[str, str], said: str
) -> None:
    root = folder(files)

    with pytest.raises(SourceError) as refused:
        sources.read_folder(root / "en")

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("Hello\n", "First steps", "Hello\n"),
        ("# Begin *here* { #start }\n\nHello\n", "Begin here", "\nHello\n"),
        ("Begin here\n==========\nHello\n", "Begin here", "Hello\n"),
        ("\ufeff---\ntags:\n  - a\n---\n# Title\nHello\n", "Title", "Hello\n"),
        ("---\ntitle: 'A: b'\n---\n# Other\n", "A: b", "# Other\n"),
        ("---\ntitle: A\n---\n# A\nHello\n", "A", "Hello\n"),
        ("---\ntitle: 2026\n---\nHello\n", "2026", "Hello\n"),
        # To YAML a number that loses its end, a truth, an octal and a time of day.
        ("---\ntitle: 1.10\n---\nHello\n", "1.10", "Hello\n"),
        ("---\ntitle: Yes\n---\nHello\n", "Yes", "Hello\n"),
        ("---\ntitle: 010\n---\nHello\n", "010", "Hello\n"),
        ("---\ntitle: 12:30\n---\nHello\n", "12:30", "Hello\n"),
        ("---\ntitle: 2026-13-45\n---\nHello\n", "2026-13-45", "Hello\n"),
        ("---\ntitle: ~\n---\nHello\n", "First steps", "Hello\n"),
        ("---\ntitle: !brand X\n---\nHello\n", "X", "Hello\n"),
        ("---\ntitle: >-\n  Two\n  lines\n---\nHello\n", "Two lines", "Hello\n"),
        ("---\n---\nHello\n", "First steps", "Hello\n"),
    ],
)
def test_a_title_is_the_front_matters_the_headings_or_the_files(
    tmp_path: Path, text: str, title: str, body: str
) -> None:
    (tmp_path / "first_steps.md").write_text(text)

    (page,) = sources.read_folder(tmp_path)

    assert (page.title, page.body) == (title, body)


def test_a_folder_without_a_page_of_its_own_gets_one_that_lists_its_pages(
    folder: Folder,
) -> None:
    root = folder({"en/a/b/two.md": "---\ntitle: T[w]o\n---\n", "en/a/b/one.mdx": ""})

    pages = {page.path: page for page in sources.read_folder(root / "en")}

    assert list(pages) == ["a", "a/b", "a/b/one", "a/b/two"]
    assert pages["a/b"].body == "- [One](one.md)\n- [T\\[w\\]o](two.md)\n"
    assert sources.broken_links(list(pages.values()), anchors_of) == []


def test_a_name_in_parts_is_the_name_people_type(folder: Folder) -> None:
    root = folder({"en/cafe\u0301.md": "[here](caf\u00e9.md), [here](cafe%CC%81.md)\n"})

    (page,) = sources.read_folder(root / "en")

    assert page.path == "caf\u00e9"
    assert sources.broken_links([page], anchors_of) == []


def test_a_readme_is_the_page_of_its_folder(folder: Folder) -> None:
    root = folder({"en/api/README.md": "[here](../api/readme.md)\n", "en/index.md": ""})

    pages = {page.path: page for page in sources.read_folder(root / "en")}

    assert set(pages) == {"index", "api"}
    assert (
        sources.with_site_links(pages["api"], "1.0", pages)
        == "[here](/docs/1.0/api/)\n"
    )


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
        ("/pricing.md", False),
        ("https://example.com/blob/main/README.md#none", False),
        ("mailto:x@y.md", False),
        ("b.md?plain=1", False),
        ("b", False),
        ("b#none", True),
        ("neither-page-nor-file", False),
        ("<b.md> 'A title'", False),
        ("gone.md 'A title'", True),
        ("my%20file.md", False),
        ("<my file.md>", False),
        ("my%20other.md", True),
        ("b.markdown#%6Cimits", False),
        ("https://example.com/x.html#y", False),
    ],
)
def test_a_link_into_the_folder_has_to_find_its_page_and_section(
    folder: Folder, target: str, is_broken: bool
) -> None:
    root = folder(
        {"en/a.md": f"[there]({target})\n", "en/b.md": "", "en/my file.md": ""}
    )

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
    assert sources.with_site_links(page, "1.0", {"a"}) == body


def test_links_between_files_become_addresses(folder: Folder) -> None:
    root = folder(
        {
            "en/api/index.md": "[E](errors.md#limits) [H](../index.md)\n",
            "en/api/errors.md": "[up](index.md)\n",
            "en/index.md": "[api](api/index.md)\n",
        }
    )

    bodies = {
        page.path: sources.with_site_links(page, "1.0", {"api", "api/errors", "index"})
        for page in sources.read_folder(root / "en")
    }

    assert bodies == {
        "api": "[E](/docs/1.0/api/errors/#limits) [H](/docs/1.0/index/)\n",
        "api/errors": "[up](/docs/1.0/api/)\n",
        "index": "[api](/docs/1.0/api/)\n",
    }


@pytest.mark.parametrize(
    ("front", "paths"),
    [
        ("redirect_from: /docs/1.0/old/", ("old",)),
        ("redirect_from: [old/page.html, /x/index.md]", ("old/page", "x")),
        ("aliases:\n  - /a/b/#c\n  - a/b", ("a/b",)),
        ("aliases: 旧/页%20面.md", ("旧/页-面",)),
        ("aliases: []", ()),
        ("aliases: {a: b}", ()),
    ],
)
def test_addresses_a_page_had_are_read_as_other_systems_write_them(
    folder: Folder, front: str, paths: tuple[str, ...]
) -> None:
    root = folder({"en/a.md": f"---\ntitle: A\n{front}\n---\nText."})

    (page,) = sources.read_folder(root / "en")

    assert page.formerly == paths


@pytest.mark.parametrize("front", ["aliases: b", "aliases: old", "aliases: '?'"])
def test_a_former_address_that_cannot_lead_there_is_told(
    folder: Folder, front: str
) -> None:
    root = folder(
        {
            "en/a.md": f"---\ntitle: A\n{front}\n---\n",
            "en/b.md": "---\ntitle: B\nredirect_from: old\n---\n",
        }
    )

    with pytest.raises(SourceError, match=r"leads to .* already|former address"):
        sources.read_folder(root / "en")


def test_a_link_out_of_the_folder_is_not_published(
    folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("DATABASE_URL=postgres://")
    root = folder({"en/index.md": "Hello."}) / "en"
    (root / "leak.md").symlink_to(tmp_path / "secret")

    with pytest.raises(SourceError, match=r"leak\.md:1: this is a link to a file outs"):
        sources.read_folder(root)


def test_a_link_within_the_folder_is_a_page(folder: Folder) -> None:
    root = folder({"en/index.md": "Hello."}) / "en"
    (root / "again.md").symlink_to(root / "index.md")

    assert {page.path for page in sources.read_folder(root)} == {"index", "again"}


def test_what_is_no_file_is_named_and_not_waited_for(folder: Folder) -> None:
    root = folder({"en/index.md": "Hello."}) / "en"
    os.mkfifo(root / "pipe.md")
    (root / "circle.md").symlink_to(root / "circle.md")

    with pytest.raises(SourceError) as refused:
        sources.read_folder(root)

    assert refused.value.findings == (
        f"{root}/circle.md:1: this is no file.",
        f"{root}/pipe.md:1: this is no file.",
    )


def test_a_folder_may_be_named_like_a_page(folder: Folder) -> None:
    root = folder({"en/v1.md/index.md": "Hello."}) / "en"

    assert [page.path for page in sources.read_folder(root)] == ["v1.md"]
