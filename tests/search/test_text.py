import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from search import text

TYPED = st.text(max_size=200) | st.text(
    st.sampled_from("\0 \t\n'\"\\&|!<->():*%_$;中文搜索引擎ａＢé́🙂𠮷〇lancering"),
    max_size=120,
)
FUZZ = settings(
    max_examples=150,
)


def matches(document: str, wanted: str) -> bool:
    """Ask PostgreSQL whether what was typed finds a text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s::tsvector @@ %s::tsquery",
            [text.vector((document, "C")), text.query(wanted)],
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ("中文搜索引擎很好用", "搜索"),
        ("中文搜索引擎很好用", "引擎"),
        ("中文搜索引擎很好用", "中文搜索引擎"),
        ("中文搜索引擎很好用", "好用"),
        ("中文搜索引擎很好用", "用"),
        ("中文搜索引擎很好用", "索"),
        ("中文搜索引擎很好用", '"搜索引擎"'),
        ("中文搜索引擎很好用", '"搜"'),
        ("怎么用GPT模型写代码？", "GPT模型"),
        ("怎么用GPT模型写代码？", '"用GPT模型写"'),
        ("部署 llama 模型", '"部署 llama 模型"'),
        ("二〇二六年的发布", "〇二"),
        ("在𠮷野家部署", "𠮷野"),
        ("ＡＰＩ密钥", "api"),
        ("How do I rotate keys?", "rotating key"),
        ("How do I rotate keys?", "rota"),
        ("How do I rotate keys?", '"rotate keys"'),
        ("llama.cpp on a laptop", "llama.cpp"),
        ("It's O'Reilly's book", "o'reilly"),
        ("Straße", "STRASSE"),
        ("naïve café", "café"),
        ("x" * 80, "x" * 80),
    ],
)
def test_what_should_be_found_is_found(document: str, wanted: str) -> None:
    assert matches(document, wanted)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ("中文搜索引擎很好用", "索搜"),
        ("中文搜索引擎很好用", "中搜"),
        ("中文搜索，引擎很好用", "搜索引擎"),
        ("中文搜索引擎很好用", '"搜索很好"'),
        ("How do I rotate keys?", '"keys rotate"'),
        ("How do I rotate keys?", "rotate locks"),
        ("How do I rotate keys?", "!keys"[1:] + " & nothing"),
        ("部署 llama 模型", '"部署 模型"'),
    ],
)
def test_what_should_not_be_found_is_not(document: str, wanted: str) -> None:
    assert not matches(document, wanted)


@pytest.mark.parametrize("wanted", ["", "   ", '""', "'", "!&|", "\0", "🙂", "<->"])
def test_signs_alone_ask_for_nothing(wanted: str) -> None:
    assert text.query(wanted) == ""


@pytest.mark.django_db
@FUZZ
@given(wanted=TYPED, match_any=st.booleans())
def test_nothing_anybody_types_is_a_syntax_error(wanted: str, match_any: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::tsquery", [text.query(wanted, match_any=match_any)])


@pytest.mark.django_db
@FUZZ
@given(title=TYPED, body=TYPED)
def test_nothing_anybody_writes_breaks_the_vector(title: str, body: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::tsvector", [text.vector((title, "A"), (body, "C"))])


@pytest.mark.django_db
@FUZZ
@given(
    before=st.text("中文搜索引擎很好用", max_size=8),
    part=st.text("中文搜索引擎很好用", min_size=1, max_size=6),
    after=st.text("中文搜索引擎很好用", max_size=8),
)
def test_every_part_of_a_sentence_is_found(before: str, part: str, after: str) -> None:
    assert matches(before + part + after, part)
    assert matches(before + part + after, f'"{part}"')


@pytest.mark.django_db
def test_a_text_of_any_length_fits() -> None:
    long = " ".join(f"word{number}" for number in range(50_000))
    same = "again " * 20_000

    assert matches(long, "word11000")
    assert matches(same, "again")
    assert len(text.vector((long, "C"))) < 1_048_575
