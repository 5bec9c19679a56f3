from datetime import datetime
from typing import Self

import pgtrigger
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from accounts.models import Membership, User
from core.clock import now
from core.ids import new_public_id
from entitlements.own_prices import WHOLE, OwnPrices

# Who reads why a list was made; what models cost every member sees.
BUYERS = (Membership.Role.OWNER, Membership.Role.BILLING)


def new_list_id() -> str:
    return new_public_id("prl")


class PriceListQuerySet(models.QuerySet["PriceList"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Price lists of organisations whose money ``user`` looks after."""
        if user.is_staff:
            return self
        return self.filter(
            organisation__memberships__user_id=user.pk,
            organisation__memberships__role__in=BUYERS,
        )

    def unended(self, at: datetime) -> Self:
        """Lists that hold at a moment or are to hold after it."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at)).exclude(
            ends_at=F("begins_at")
        )


class PriceList(models.Model):
    """What one organisation pays less for models than everybody, for a time.

    Discounts in hundredths of a percent: ``discount_bps`` on every model that has none
    of its own in ``by_model``. What is agreed never changes, only its end may
    be set. No two lists of an organisation hold at once; the migration holds that.
    """

    public_id = models.CharField(
        max_length=40, unique=True, default=new_list_id, editable=False
    )
    organisation = models.ForeignKey(
        "accounts.Organisation", on_delete=models.PROTECT, related_name="+"
    )
    discount_bps = models.PositiveSmallIntegerField(default=0)
    by_model = models.JSONField(default=dict, blank=True)
    begins_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(null=True, blank=True)
    # The quote that it was signed with; with its contract the list ends.
    contract = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=200)
    end_reason = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(default=now)
    # Nobody, where a signature made it.
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = PriceListQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(discount_bps__lte=WHOLE), name="pricelists_list_discount"
            ),
            models.CheckConstraint(
                condition=~Q(discount_bps=0) | ~Q(by_model={}),
                name="pricelists_list_says_something",
            ),
            # One that was ended before it began holds at no moment.
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("begins_at")),
                name="pricelists_list_ends_later",
            ),
            models.UniqueConstraint(
                fields=["contract"],
                condition=~Q(contract=""),
                name="pricelists_list_of_a_contract",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="pricelists_list_org"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="as_it_was_agreed", exclude=["ends_at", "end_reason", "made_by"]
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def prices(self) -> OwnPrices:
        """The list as gateways read it."""
        return OwnPrices(
            list_id=self.pk,
            begins_at=self.begins_at,
            ends_at=self.ends_at,
            discount_bps=self.discount_bps,
            models=self.by_model,
        )

    @property
    def state(self) -> str:
        """``coming``, ``holds`` or ``ended``."""
        moment = now()
        if self.ends_at is not None and self.ends_at <= max(moment, self.begins_at):
            return "ended"
        return "holds" if self.begins_at <= moment else "coming"
