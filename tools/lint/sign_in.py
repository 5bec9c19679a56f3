"""A page asks for a sign-in in one way: ``accounts.decorators.sign_in_required``.

The others lose what was typed when the session ended before the form was sent, or
lead back to an address that answers nothing but a POST.
"""

import ast
from collections.abc import Iterable, Iterator

from tools.lint.sources import Source, imports, product

HOME = "platform/accounts/decorators.py"
# It says where the library's own steps lead.
LIBRARYS = "platform/accounts/adapters.py"
# Django's and allauth's, under whatever name their module was imported.
REFUSED = {
    *("login_required", "permission_required", "user_passes_test"),
    *("AccessMixin", "LoginRequiredMixin", "UserPassesTestMixin"),
    *("PermissionRequiredMixin", "redirect_to_login", "staff_member_required"),
    *("reauthentication_required", "verified_email_required", "secure_admin_login"),
}
# These lead to the sign-in page as well, when a view hands them to redirect().
ADDRESSES = ("/accounts/login", "account_login")
LEADING = {"redirect", "reverse", "HttpResponseRedirect", "resolve_url"}


def complaints(files: Iterable[Source] | None = None) -> Iterator[str]:
    for file in product() if files is None else files:
        if file.path in {HOME, LIBRARYS}:
            continue
        for name, line in _used(file.tree):
            if name in REFUSED:
                yield f"{file.path}:{line}: {name}; use sign_in_required"
        for line in _led_there(file.tree):
            yield f"{file.path}:{line}: leads to the sign-in page; use sign_in_required"


def _used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the last part of every name that is imported or taken of a module."""
    for name, line in imports(tree):
        yield name.rpartition(".")[2], line
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno


def _led_there(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        given = [*node.args[:1], *(keyword.value for keyword in node.keywords)]
        if called in LEADING and any(map(_is_way_in, given)):
            yield node.lineno


def _is_way_in(argument: ast.expr) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr == "LOGIN_URL")
        or (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and part.value.startswith(ADDRESSES)
        )
        for part in ast.walk(argument)
    )
