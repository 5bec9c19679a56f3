import secrets
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.addresses import on_site
from core.clock import now

# Without what is mistaken for another when it is read aloud or typed.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
# Nobody guesses one of 31^10, and it still fits into a message.
_LENGTH = 10


def new_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


class ReferralLink(models.Model):
    """The address by which a person invites others; it stays the same.

    ``address_digest`` is of the network they asked for it from, and is forgotten like
    those of the people they bring.
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    code = models.CharField(max_length=20, unique=True, default=new_code)
    address_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.code

    @property
    def address(self) -> str:
        return on_site(reverse("referrals:invitation", args=[self.code]))


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(self, user: User) -> Self:
        """Those a person has brought, and for staff all of them."""
        return self if user.is_staff else self.filter(link_id=user.pk)

    def brought_by(self, user: User) -> Self:
        """Those a person has brought; staff are people like others here."""
        return self.filter(link_id=user.pk)

    def undecided(self) -> Self:
        """Those a person has to decide about."""
        return self.filter(held_at__isnull=False, decided_at=None)

    def due(self) -> Self:
        """Those with a payment behind them that was not rewarded, nor taken back."""
        return self.filter(
            Q(held_at=None) | Q(decided_at__isnull=False),
            paid_at__isnull=False,
            rewarded_at=None,
            refused_at=None,
        )


class Referral(models.Model):
    """A person who came by another's link, and how far that has come.

    ``visited_at`` is when they first opened a link, ``paid_at`` when the payment came
    that counts, ``rewarded_at`` since when both have the credit. Money that went back
    empties both again, and ``withdrawn_at`` says when credit was taken back;
    ``round`` tells the grants of each time apart. ``signs`` are what speaks against a
    reward, in the words of ``Sign``: then a person decides.
    """

    class Sign(models.TextChoices):
        SAME_CARD = "same_card", _("The same card pays for both")
        CARD_KNOWN = "card_known", _("Another invited person paid by this card")
        SAME_BROWSER = "same_browser", _("Came in the browser of who invited")
        SAME_ADDRESS = "same_address", _("Came from the network of who invited")
        ADDRESS_KNOWN = "address_known", _("Others invited came from this network")
        SAME_DOMAIN = "same_domain", _("The same company's mail address")
        SAME_ORGANISATION = "same_organisation", _("Members of the same organisation")
        VELOCITY = "velocity", _("Many at once by the same link")

    class Progress(models.TextChoices):
        """How far one came, in a word: for who invited as for staff."""

        JOINED = "joined", _("Has joined")
        PAID = "paid", _("Has paid")
        HELD = "held", _("Being looked at")
        REWARDED = "rewarded", _("Rewarded")
        REFUSED = "refused", _("No credit")
        WITHDRAWN = "withdrawn", _("Taken back")

    link = models.ForeignKey(
        ReferralLink, on_delete=models.CASCADE, related_name="referrals"
    )
    invited = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    visited_at = models.DateTimeField()
    joined_at = models.DateTimeField(default=now)
    # What tells one person with two accounts; forgotten after a while.
    visitor_id = models.CharField(max_length=40, blank=True)
    address_digest = models.CharField(max_length=64, blank=True)
    # Of the ledger: the first money of an organisation the invited person pays for.
    invoice_id = models.BigIntegerField(null=True)
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.SET_NULL, related_name="+", null=True
    )
    card_fingerprint = models.CharField(max_length=40, blank=True)
    paid_at = models.DateTimeField(null=True)
    signs = models.JSONField(default=list)
    held_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True
    )
    note = models.CharField(max_length=300, blank=True)
    refused_at = models.DateTimeField(null=True)
    rewarded_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    round = models.PositiveSmallIntegerField(default=0)

    objects = ReferralQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(link=F("invited")), name="referrals_referral_not_oneself"
            ),
            models.CheckConstraint(
                condition=Q(rewarded_at=None) | Q(paid_at__isnull=False, round__gte=1),
                name="referrals_referral_paid_first",
            ),
            models.CheckConstraint(
                condition=Q(refused_at=None) | Q(rewarded_at=None),
                name="referrals_referral_not_both",
            ),
            # Where something speaks against it, a person has decided before.
            models.CheckConstraint(
                condition=Q(rewarded_at=None)
                | Q(held_at=None)
                | Q(decided_at__isnull=False),
                name="referrals_referral_decided",
            ),
            models.CheckConstraint(
                condition=Q(paid_at=None, invoice_id=None)
                | Q(paid_at__isnull=False, invoice_id__isnull=False),
                name="referrals_referral_payment",
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(organisation__isnull=False),
                name="referrals_referral_once_each",
            ),
        ]
        indexes = [
            models.Index(fields=["link", "-joined_at"], name="referrals_of_link"),
            models.Index(
                fields=["paid_at"],
                condition=Q(rewarded_at=None, refused_at=None),
                name="referrals_due",
            ),
            models.Index(
                fields=["card_fingerprint"],
                condition=~Q(card_fingerprint=""),
                name="referrals_card",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.link_id} brought {self.invited_id}"

    @property
    def is_undecided(self) -> bool:
        return self.held_at is not None and self.decided_at is None

    @property
    def state(self) -> Progress:
        if self.rewarded_at is not None:
            return self.Progress.REWARDED
        if self.refused_at is not None:
            return self.Progress.REFUSED
        if self.withdrawn_at is not None:
            return self.Progress.WITHDRAWN
        if self.is_undecided:
            return self.Progress.HELD
        return self.Progress.JOINED if self.paid_at is None else self.Progress.PAID

    @property
    def named_signs(self) -> list[str]:
        """The signs in the reader's language."""
        return [str(self.Sign(sign).label) for sign in self.signs]
