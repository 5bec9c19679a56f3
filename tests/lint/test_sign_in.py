import pytest

from tools.lint.sign_in import HOME, complaints
from tools.lint.sources import source

VIEWS = "community/forum/views.py"


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (
            "from django.contrib.auth.decorators import login_required",
            "login_required; use sign_in_required",
        ),
        (
            "from django.contrib.auth.mixins import LoginRequiredMixin",
            "LoginRequiredMixin; use sign_in_required",
        ),
        (
            "from django.contrib.auth.views import redirect_to_login",
            "redirect_to_login; use sign_in_required",
        ),
        (
            "from django.contrib.auth import decorators\n@decorators.login_required\ndef x(): ...",
            "login_required; use sign_in_required",
        ),
        (
            "from allauth.account.decorators import reauthentication_required as again",
            "reauthentication_required; use sign_in_required",
        ),
        (
            "redirect(to='account_login')",
            "leads to the sign-in page; use sign_in_required",
        ),
        (
            "redirect(settings.LOGIN_URL)",
            "leads to the sign-in page; use sign_in_required",
        ),
        (
            "redirect(f'/accounts/login/?next={page}')",
            "leads to the sign-in page; use sign_in_required",
        ),
        (
            "shortcuts.redirect('account_login')",
            "leads to the sign-in page; use sign_in_required",
        ),
    ],
)
def test_another_way_to_ask_for_a_sign_in_is_named(planted: str, told: str) -> None:
    line = 2 if "\n" in planted else 1

    assert list(complaints([source(VIEWS, planted)])) == [f"{VIEWS}:{line}: {told}"]


def test_the_decorator_itself_may_lead_there() -> None:
    planted = "from django.contrib.auth.views import redirect_to_login"

    assert list(complaints([source(HOME, planted)])) == []
