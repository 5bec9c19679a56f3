from inference.providers.quoting import BlockKind, Score, blocks_of, quote

STEPS = """1. Make a repository. Write the passphrase down.

   ```sh
   marram init /mnt/disk
   ```

2. Store your folder.

   ```sh
   marram backup ~
   ```"""
LONG = "\n\n".join(
    f"Paragraph {number} is about nothing. {'x ' * 80}" for number in range(9)
)


def about(word: str) -> Score:
    return lambda text: float(text.count(word))


def test_steps_are_one_block_with_their_code() -> None:
    assert [(each.kind, each.text) for each in blocks_of(STEPS)] == [
        (BlockKind.LIST, STEPS)
    ]


def test_a_short_section_is_quoted_as_it_stands() -> None:
    source = f"Two steps:\n\n{STEPS}\n\nThe first run takes long."

    assert quote(source, about("zeppelin")) == source


def test_of_a_long_section_what_speaks_of_the_question_is_quoted() -> None:
    source = f"{LONG}\n\nA zeppelin flies.\n\n{LONG}"

    assert quote(source, about("zeppelin")) == "A zeppelin flies."


def test_what_announces_code_comes_with_it_and_the_other_way_round() -> None:
    source = (
        f"{LONG}\n\nFill it like this:\n\n```sh\nfill zeppelin\n```\n\nDone.\n\n{LONG}"
    )
    expected = "Fill it like this:\n\n```sh\nfill zeppelin\n```"

    assert quote(source, about("zeppelin")) == expected
    assert quote(source, about("Fill")) == expected


def test_of_a_long_table_the_rows_that_matter_are_quoted_under_its_head() -> None:
    head = "| Name | Meaning |\n| --- | --- |"
    rows = [f"| n{number} | nothing |" for number in range(20)]
    source = "\n".join([head, *rows, "| z | a zeppelin |"]) + "\n\n" + LONG

    said = quote(source, about("zeppelin"))

    assert said.startswith(head)
    assert said.endswith("| z | a zeppelin |")
    assert len(said.split("\n")) == 2 + 4


def test_a_line_of_an_unclosed_fence_is_code() -> None:
    assert [each.kind for each in blocks_of("```sh\nls\n\npwd")] == [BlockKind.CODE]


def test_links_to_this_site_work_elsewhere_and_code_stays(settings: object) -> None:
    source = "See [keys](/docs/1.0/keys/).\n\n```md\n[keys](/docs/)\n```"

    assert quote(source, about("keys")) == (
        "See [keys](http://testserver/docs/1.0/keys/).\n\n```md\n[keys](/docs/)\n```"
    )


def test_nothing_is_quoted_of_nothing() -> None:
    assert quote("", about("x")) == ""
