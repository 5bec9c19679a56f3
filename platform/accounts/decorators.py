from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from accounts.models import Organisation

View = Callable[..., HttpResponseBase]


def organisation_required(view: View) -> View:
    """Resolve ``org`` (a slug) to ``request.organisation``; 404 for strangers."""

    @login_required
    @wraps(view)
    def wrapped(
        request: HttpRequest, org: str, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        visible = Organisation.objects.visible_to(request.user)
        request.organisation = get_object_or_404(visible, slug=org)  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return wrapped


def staff_required(view: View) -> View:
    """Let staff in, send strangers to the sign-in page and refuse members."""

    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped
