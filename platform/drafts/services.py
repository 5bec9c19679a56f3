"""Keeping what was typed until a view accepts it."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from core.crypto import decrypt, encrypt
from drafts.exceptions import DraftAccepted, DraftTooLong
from drafts.models import Draft
from drafts.slots import Slot
from edge.drafting import FIELD

Fields = Mapping[str, list[str]]

VISITOR = "drafts_visitor"
# The longest message of the playground, its functions and their results, and room.
MOST_CHARACTERS = 700_000
# A form each for two hundred topics; beyond that the oldest go.
MOST_OF_ONE_PERSON = 200
# Longer than a holiday; what is older is not gone on with.
KEPT = timedelta(days=30)
KEPT_OF_VISITORS = timedelta(days=2)
KEPT_WHEN_ACCEPTED = timedelta(days=1)
# What belongs to one showing of a form and not to the person who fills it in.
NOT_TYPED = frozenset({"csrfmiddlewaretoken", FIELD, "client_token", "submission"})

# A field whose name holds one of these is kept nowhere.
SECRETS = ("password", "secret")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user, or the session of a visitor; after a sign-in it is both."""

    user: User | None
    visitor: str = ""

    @property
    def drafts(self) -> Any:
        """Return what may be shown to them: never anybody else's."""
        mine = Q(pk=None)
        if self.user is not None:
            mine |= Q(user=self.user)
        if self.visitor:
            mine |= Q(visitor=self.visitor)
        return Draft.objects.filter(mine)

    @property
    def key(self) -> dict[str, Any]:
        return {"user": self.user} if self.user else {"visitor": self.visitor}


def owner_of(request: HttpRequest) -> Owner | None:
    """Return who reads this page, or nothing for a visitor who left nothing."""
    user = request.user if request.user.is_authenticated else None
    visitor: str = request.session.get(VISITOR, "")
    return Owner(user, visitor) if user or visitor else None


def owner_of_slot(slot: Slot, request: HttpRequest) -> Owner | None:
    """Return whose the text typed into ``slot`` is.

    A form shown to a user stays theirs, also after another sign-in; one
    shown to a visitor belongs to the browser's session.
    """
    if not slot.owner:
        present = owner_of(request)
        if present is not None:
            return present
        request.session[VISITOR] = secrets.token_hex(16)
        return Owner(None, request.session[VISITOR])
    user = request.user
    if not user.is_authenticated or user.public_id != slot.owner:
        found = User.objects.filter(public_id=slot.owner, is_active=True).first()
        return Owner(found) if found else None
    return Owner(user, request.session.get(VISITOR, ""))


def newest(owner: Owner, place: str) -> tuple[Draft, Fields] | None:
    """Return the draft last saved at a place, and what it holds."""
    waiting = owner.drafts.filter(place=place, accepted_at=None)
    draft = waiting.order_by("-saved_at", "-pk").first()
    if draft is None:
        return None
    try:
        return draft, json.loads(decrypt(draft.body))
    except InvalidToken:
        # Written with a key that is gone: nobody can read it any more.
        return None


def typed(fields: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return what of a sent form a person chose or wrote."""
    return {
        name: list(values)
        for name, values in fields.items()
        if name not in NOT_TYPED and not any(word in name for word in SECRETS)
    }


@dataclass(frozen=True, slots=True)
class DraftText:
    """A draft as the list of them shows it: ``text`` is the longest that was typed."""

    draft: Draft
    text: str


def texts_of(drafts: Iterable[Draft]) -> list[DraftText]:
    """Return what drafts hold, those left out whose key is gone."""
    kept = []
    for draft in drafts:
        try:
            fields: Fields = json.loads(decrypt(draft.body))
        except InvalidToken:
            continue
        values = [value for listed in fields.values() for value in listed]
        kept.append(DraftText(draft, max(values, key=len, default="")))
    return kept


def remove_draft(draft: Draft) -> None:
    """Forget what a form holds, and refuse to keep it again."""
    Draft.objects.filter(pk=draft.pk, accepted_at=None).update(
        body="", accepted_at=timezone.now()
    )


@transaction.atomic
def keep(slot: Slot, fields: Fields, *, owner: Owner) -> None:
    """Keep what a form holds now; the draft it began from goes if it is the same.

    Raises ``DraftAccepted`` when the form was accepted meanwhile and
    ``DraftTooLong``; nothing is cut.
    """
    text = json.dumps(typed(fields), ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        raise DraftTooLong
    body = encrypt(text)
    draft, is_new = Draft.objects.select_for_update().get_or_create(
        **owner.key, nonce=slot.nonce, defaults={"place": slot.place, "body": body}
    )
    if draft.accepted_at:
        raise DraftAccepted
    if not is_new:
        draft.body = body
        draft.sequence += 1
        draft.saved_at = timezone.now()
        draft.save(update_fields=["body", "sequence", "saved_at"])
        return
    _delete_origin(slot, owner)
    over = owner.drafts.filter(accepted_at=None).order_by("-saved_at", "-pk")
    owner.drafts.filter(pk__in=over.values("pk")[MOST_OF_ONE_PERSON:]).delete()


@transaction.atomic
def accept(slot: Slot, *, owner: Owner) -> None:
    """Forget what the form held, and refuse to keep it again."""
    Draft.objects.update_or_create(
        **owner.key,
        nonce=slot.nonce,
        defaults={"body": "", "accepted_at": timezone.now()},
        create_defaults={
            "place": slot.place,
            "body": "",
            "accepted_at": timezone.now(),
        },
    )
    # A visitor's draft that was accepted after they signed in is theirs as well.
    owner.drafts.filter(nonce=slot.nonce, accepted_at=None).delete()
    _delete_origin(slot, owner)


def prune_drafts() -> int:
    """Delete what nobody came back for; return how many drafts that were."""
    now = timezone.now()
    old = Draft.objects.filter(
        Q(saved_at__lt=now - KEPT)
        | Q(saved_at__lt=now - KEPT_OF_VISITORS, user=None)
        | Q(accepted_at__lt=now - KEPT_WHEN_ACCEPTED)
    )
    return old.delete()[0]


def _delete_origin(slot: Slot, owner: Owner) -> None:
    """Delete the draft the form began from, unless another tab went on with it."""
    if slot.began_from:
        owner.drafts.filter(
            nonce=slot.began_from, sequence=slot.base, accepted_at=None
        ).delete()


def remove_drafts_of(user: User) -> None:
    """Delete everything ``user`` began to write."""
    Draft.objects.filter(user=user).delete()
