import pytest

from inference.providers.tokens import count_tokens, pieces_of


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("key", 1),
        ("keys and tokens", 4),
        ("streaming", 3),
        ("轮换密钥", 4),
        ("用 API。", 3),
        ("  \n", 0),
    ],
)
def test_tokens_are_counted_the_documented_way(text: str, count: int) -> None:
    assert count_tokens(text) == count


@pytest.mark.parametrize("text", ["", " a b ", "轮换 keys_x，ok!\n\n```sh\nrun\n```"])
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(pieces_of(text)) == text
