"""The page in the console on which it is chosen what is kept, for any kind of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.permissions import can_choose_storage, role_in
from accounts.types import OrganisationHttpRequest
from edge import drafting
from inference.retention.models import MOST_DAYS, ExpiringQuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicePage:
    """What one kind of it is called, and where it is.

    ``choices`` returns the rows of who chose it, ``kept`` what is kept; ``address`` and
    ``off_address`` are names of addresses, ``said`` is the message after a choice and
    ``submit`` the button.
    """

    choices: Callable[[], models.QuerySet[Any]]
    kept: Callable[[], ExpiringQuerySet[Any]]
    form: type[forms.Form]
    set_choice: Callable[..., None]
    template: str
    address: str
    off_address: str
    said: Any
    submit: Any

    def answer(self, request: OrganisationHttpRequest) -> HttpResponse:
        """Show what is kept, and have it kept, for so many days."""
        organisation = request.organisation
        if request.method == "POST":
            require_chooser(request)
        is_member = role_in(request.user, organisation) is not None
        if not is_member and not request.user.is_staff:
            raise PermissionDenied
        chosen = self.choices().filter(pk=organisation.pk).first()
        form = self.form(
            request.POST if request.method == "POST" else None,
            initial={"days": chosen.days if chosen else MOST_DAYS},
        )
        if request.method == "POST" and form.is_valid():
            days = form.cleaned_data["days"]
            self.set_choice(organisation, days=days, by=request.user)
            drafting.accept(request)
            messages.success(request, str(self.said))
            return redirect(self.address, organisation.slug)
        context = {
            "organisation": organisation,
            "chosen": chosen,
            "count": self.kept().kept_for(organisation.pk).count(),
            "form": form,
            "submit": _("Change the days") if chosen else self.submit,
            "off_url": reverse(self.off_address, args=[organisation.slug]),
            "can_choose": can_choose_storage(request.user, organisation),
        }
        status = 422 if form.is_bound else 200
        return render(request, self.template, context, status=status)


def require_chooser(request: OrganisationHttpRequest) -> None:
    """Refuse who may not choose what is kept."""
    if not can_choose_storage(request.user, request.organisation):
        raise PermissionDenied
