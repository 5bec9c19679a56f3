"""A page asks for a sign-in in one way: ``accounts.decorators.sign_in_required``.

The others lose what was typed when the session ended before the form was sent, or
lead back to an address that answers nothing but a POST.
"""

import ast
from collections.abc import Iterable, Iterator

from tools.lint.sources import Source, imports, product

HOME = "platform/accounts/decorators.py"
REFUSED = {
    "django.contrib.auth.decorators.login_required",
    "django.contrib.auth.decorators.user_passes_test",
    "django.contrib.auth.mixins.LoginRequiredMixin",
    "django.contrib.auth.mixins.UserPassesTestMixin",
    "django.contrib.auth.views.redirect_to_login",
    "allauth.account.decorators.login_required",
}
# These lead to the sign-in page as well, when a view hands them to redirect().
ADDRESSES = ("/accounts/login", "account_login")
LEADING = {"redirect", "reverse", "HttpResponseRedirect", "resolve_url"}


def complaints(files: Iterable[Source] | None = None) -> Iterator[str]:
    for file in product() if files is None else files:
        if file.path == HOME:
            continue
        for name, line in imports(file.tree):
            if name in REFUSED:
                short = name.rpartition(".")[2]
                yield f"{file.path}:{line}: {short}; use sign_in_required"
        for line in _led_there(file.tree):
            yield f"{file.path}:{line}: leads to the sign-in page; use sign_in_required"


def _led_there(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        texts = (
            part.value
            for part in ast.walk(node.args[0])
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        if called in LEADING and any(text.startswith(ADDRESSES) for text in texts):
            yield node.lineno
