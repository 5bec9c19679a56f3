"""People who prove who they are hear that something of theirs is here."""

from functools import partial

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from community.imports.models import ImportedPerson
from community.imports.proofs import claimable_by
from contracts.accounts import AccountErased, EmailVerified, IdentityLinked
from notifications.fan_out import notify_all
from notifications.models import Kind
from outbox import subscribe


@subscribe(EmailVerified)
def offer_history(fact: EmailVerified) -> None:
    """Tell a person whose address was confirmed what they wrote elsewhere."""
    _offer(fact.user_id)


@subscribe(IdentityLinked)
def offer_history_of_identity(fact: IdentityLinked) -> None:
    """Tell a person who linked GitHub what they wrote there."""
    _offer(fact.user_id)


def _offer(user_id: int) -> None:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return
    for person in claimable_by(user).select_related("source"):
        name = person.source.name
        notify_all(
            User.objects.filter(pk=user.pk),
            Kind.CONTRIBUTION,
            dedupe_key=f"history:{person.pk}",
            url=reverse("imports:history"),
            title=partial(_title, name),
        )


def _title(name: str) -> str:
    return _("What you wrote at %(name)s is here: you can take it over.") % {
        "name": name
    }


@subscribe(AccountErased)
def clear_proofs(fact: AccountErased) -> None:
    """Let nothing say any more who it was that wrote elsewhere."""
    ImportedPerson.objects.filter(claimed_by_id=fact.user_id).update(
        email_digest="", github_id=""
    )
