from tools.lint.packages import (
    asked_for,
    names_used,
    normal,
    unpinned,
    unused,
)

MODULES = {"left-pad": {"left_pad"}, "rich": {"rich"}, "django-htmx": {"django_htmx"}}


def test_a_package_that_nothing_uses_is_named() -> None:
    asked = asked_for("# Why.\n-c base.txt\nleft-pad>=1\nrich\n")
    used = set(names_used("from rich.progress import track\n"))

    assert unused(asked, used, MODULES) == ["left-pad"]


def test_a_package_that_only_happens_to_be_there_is_named() -> None:
    used = set(names_used("import left_pad, rich\nimport json\n"))

    assert unpinned(used, {"rich"}, MODULES) == ["left-pad"]


def test_a_word_in_a_text_is_no_use_of_a_package() -> None:
    used = set(names_used("TITLE = 'rich.text'\nrich = 1\n"))

    assert unused(["rich"], used, MODULES) == ["rich"]


def test_the_configuration_uses_what_it_names() -> None:
    used = set(names_used("APPS = ['django_htmx']\n", is_config=True))

    assert unused(["django-htmx"], used, MODULES) == []


def test_names_are_compared_as_the_index_does() -> None:
    assert normal("Django_Stubs.Ext") == "django-stubs-ext"
    assert asked_for("celery[redis]\ndjango>=5.2,<5.3\n") == ["celery", "django"]
