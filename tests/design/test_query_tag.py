import pytest
from django.template import Context, Template


def rendered(tag: str, **values: object) -> str:
    return Template("{% load doorstone %}" + tag).render(Context(values))


@pytest.mark.parametrize(
    ("tag", "address"),
    [
        ("{% query path %}", "/people/"),
        ("{% query path step='paid' %}", "/people/?step=paid"),
        ("{% query path rest step='paid' %}", "/people/?range=7d&amp;step=paid"),
        ("{% query path rest step='' %}", "/people/?range=7d"),
        ("{% query '' rest cursor='a+b' %}", "?range=7d&amp;cursor=a%2Bb"),
        ("{% query '/x/?a=1' model='Qwen/7B' %}", "/x/?a=1&amp;model=Qwen%2F7B"),
        ("{% query path q='<&\"' %}", "/people/?q=%3C%26%22"),
    ],
)
def test_an_address_is_put_together_and_encoded(tag: str, address: str) -> None:
    assert rendered(tag, path="/people/", rest="range=7d") == address


def test_an_address_can_be_kept_for_a_component() -> None:
    tag = "{% query path step='paid' as url %}{% include page with href=url only %}"
    link = Template("<a href='{{ href }}'>")

    assert rendered(tag, path="/p/", page=link) == "<a href='/p/?step=paid'>"
