"""What the writers of a section say it is asked decides what answers."""

from pathlib import Path

import pytest

from community.docs.services import import_version
from inference.providers.docs_assistant import answer_question
from inference.providers.passages import rank
from inference.providers.questions import understand
from search.meaning import Nearness
from search.queries import Frequencies, Passage
from tests.inference.providers.judging import cited, page_of

HARBOUR = "---\ntitle: Harbour\n---\nBoats lie here.\n\n## Fees\n\n{asked}\nMooring is free.\n"
QUESTION = "what does a berth cost"


def first_page(root: Path, asked: str) -> list[str]:
    folder = root / "en"
    folder.mkdir(exist_ok=True)
    (folder / "harbour.md").write_text(HARBOUR.format(asked=asked))
    (folder / "ferry.md").write_text(
        "# Ferry\n\nA ticket costs 3. What a ride costs is told.\n"
    )
    import_version(root, version="1.0", is_default=True)
    answer = answer_question(QUESTION, "current", ["public"])
    return [page_of(address) for address in cited(answer)][:1]


@pytest.mark.django_db
def test_a_section_answers_what_its_writers_say_it_is_asked(tmp_path: Path) -> None:
    assert first_page(tmp_path, "") != ["harbour"]
    assert first_page(tmp_path, "<!-- asked\nprice of a berth\n-->\n") == ["harbour"]


def passage(number: int, *asked: str) -> Passage:
    url = f"/docs/1.0/{number}/"
    text = "The same text."
    return Passage(
        "doc", number, 0, url, "Page", "Page", text, "1.0", "en", (), 0.0, text, asked
    )


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        # One that is about nothing else is likelier than one that is about more …
        ((("rotate a key and pay a bill of the team",), ("rotate a key",)), 2),
        # … and the likeliest of several counts, not the first.
        ((("pay a bill", "rotate a key"), ("rotate a bill",)), 1),
    ],
)
def test_the_likeliest_question_of_a_section_counts(
    asked: tuple[tuple[str, ...], tuple[str, ...]], first: int
) -> None:
    passages = [passage(number, *each) for number, each in enumerate(asked, start=1)]

    ranking = rank(understand("rotate key"), passages, [None, None], Frequencies(2, {}))

    assert ranking.excerpts[0].passage.object_id == first


def test_the_nearest_question_counts_and_the_nearest_line_where_none_is_known() -> None:
    near = {
        1: Nearness(0.5, 0.5, 0.50, "", asked=0.60),
        # Nearer by all that is on the page, and no question is known of it.
        2: Nearness(0.5, 0.5, 0.55, ""),
    }
    passages = [passage(number) for number in near]

    ranking = rank(
        understand("unspoken words"), passages, list(near.values()), Frequencies(2, {})
    )

    first, second = ranking.excerpts
    assert first.passage.object_id == 1
    # 0.05 less by the line, once; 0.05 more by the question, twice.
    assert first.score - second.score == pytest.approx((2 * 0.05 - 0.05) / 0.0165)
