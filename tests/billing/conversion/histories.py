"""Random lives of a company: people, teams, money in three currencies, late news."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.queries import personal_organisation
from accounts.services import create_organisation
from activity.models import Visitor
from activity.services import link_visitor
from billing.conversion.excluding import (
    set_organisation_excluded,
    set_person_excluded,
)
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.conversion.settling import record_rate
from billing.ledger.models import Invoice
from billing.ledger.records import RefundRecord
from billing.ledger.services import record_invoice, record_refund
from contracts.accounts import EmailVerified, MemberAdded
from contracts.billing import CheckoutStarted
from contracts.community import TopicCreated
from contracts.inference import FirstCallSucceeded, UsageAggregated
from core.money import NANO
from jobs.models import Job
from outbox import publish
from tests.factories.billing import invoice_record

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CURRENCIES = ("usd", "usd", "usd", "eur", "jpy")
WORTH = {"eur": 1_083_700_000, "jpy": 6_713_331}
PEOPLE, TEAMS, ACTS = 7, 4, 45


class History:
    """One life, made from a seed: the same one every time."""

    def __init__(self, seed: int, person: Callable[..., Any]) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - to be told again
        self.deliver: Callable[[], int] = lambda: 0
        self.staff: User = person(f"boss{seed}", is_staff=True)
        self.people: list[User] = [
            person(f"p{seed}x{number}", is_staff=number == 0)
            for number in range(PEOPLE)
        ]
        teams = [
            create_organisation(
                f"T{seed}x{number}", owner=self.dice.choice(self.people)
            )
            for number in range(TEAMS)
        ]
        self.organisations: list[Organisation] = [
            *teams,
            *(personal_organisation(each) for each in self.people),
        ]
        self.revisions = 0

    def play(self, deliver: Callable[[], int]) -> None:
        """Do one thing after another; some news is heard late and out of order."""
        self.deliver = deliver
        acts: list[Callable[[], None]] = [
            *[self.verify, self.post, self.call, self.join, self.check_out],
            *[self.pay, self.pay, self.pay, self.use, self.use],
            *[self.refund, self.dispute, self.win, self.link, self.rate],
            *[self.exclude, self.leave_or_return, self.hear_some, self.hear_some],
            self.rebuild_in_between,
        ]
        for _ in range(ACTS):
            self.dice.choice(acts)()

    def someone(self) -> User:
        return self.dice.choice(self.people)

    def somewhere(self) -> Organisation:
        return self.dice.choice(self.organisations)

    def sometime(self) -> datetime:
        return NOW - timedelta(minutes=self.dice.randrange(60 * 24 * 60))

    def say(self, fact: Any) -> None:
        with transaction.atomic():
            publish(fact)

    def verify(self) -> None:
        self.say(EmailVerified(user_id=self.someone().pk))

    def post(self) -> None:
        self.say(
            TopicCreated(
                topic_id=1, author_id=self.someone().pk, category_id=1, kind="question"
            )
        )

    def call(self) -> None:
        self.say(
            FirstCallSucceeded(
                organisation_id=self.somewhere().pk,
                user_id=self.dice.choice([self.someone().pk, None]),
                model="small",
                occurred_at=self.sometime().isoformat(),
            )
        )

    def join(self) -> None:
        self.say(
            MemberAdded(
                organisation_id=self.somewhere().pk,
                user_id=self.someone().pk,
                role="member",
            )
        )

    def check_out(self) -> None:
        self.say(
            CheckoutStarted(
                organisation_id=self.somewhere().pk,
                user_id=self.someone().pk,
                plan="team",
                intent_id=1,
            )
        )

    def pay(self) -> None:
        at = self.sometime()
        record_invoice(
            invoice_record(
                self.dice.choice([1, 2_000, 7_499, 3_000_001]),
                currency=self.dice.choice(CURRENCIES),
                issued_at=at,
                paid_at=at,
            ),
            organisation_id=self.somewhere().pk,
            user_id=self.dice.choice([self.someone().pk, None]),
            fetched_at=at,
        )

    def use(self) -> None:
        self.revisions += 1
        self.say(
            UsageAggregated(
                organisation_id=self.somewhere().pk,
                model="small",
                edition="open",
                window=NOW.isoformat(),
                revision=self.revisions,
                requests=1,
                tokens_in=1,
                tokens_out=1,
                price_nano=5,
                cost_nano=self.dice.randrange(3 * NANO),
            )
        )

    def refund(self) -> None:
        self._take_back("refund", "succeeded")

    def dispute(self) -> None:
        self._take_back("dispute", self.dice.choice(["lost", "needs_response"]))

    def win(self) -> None:
        """Let one dispute be won, whatever it was before: its money is here again."""
        self._take_back("dispute", "won")

    def _take_back(self, kind: str, status: str) -> None:
        invoices = list(Invoice.objects.order_by("pk"))
        if not invoices:
            return
        invoice = self.dice.choice(invoices)
        record = RefundRecord(
            stripe_id=f"{kind}_{invoice.pk}",
            amount=self.dice.choice(
                [invoice.amount_paid, invoice.amount_paid // 3 or 1]
            ),
            status=status,
            refunded_at=self.sometime(),
            kind=kind,
        )
        record_refund(record, invoice=invoice)

    def link(self) -> None:
        """Let a browser turn out to be somebody's: two people's visits become one's."""
        browser = Visitor.objects.create(
            id=f"v_{self.dice.getrandbits(120):032x}",
            first_seen_at=self.sometime(),
            source=self.dice.choice(["newsletter", "search", "direct"]),
        )
        link_visitor(browser.pk, self.someone())

    def rate(self) -> None:
        currency = self.dice.choice(list(WORTH))
        on: date = self.sometime().date()
        wobble = self.dice.randrange(1_000)
        record_rate(currency, on, nano=WORTH[currency] + wobble, by=self.staff)

    def exclude(self) -> None:
        is_excluded = self.dice.random() < 0.5
        account = Account.objects.filter(pk=self.somewhere().pk).first()
        if account is None or self.dice.random() < 0.5:
            set_person_excluded(
                self.someone(), is_excluded=is_excluded, reason="dice", by=self.staff
            )
        else:
            set_organisation_excluded(
                account, is_excluded=is_excluded, reason="dice", by=self.staff
            )

    def leave_or_return(self) -> None:
        """Deactivate somebody, or have them back: nobody is told."""
        someone = self.someone()
        someone.is_active = not someone.is_active
        someone.save(update_fields=["is_active"])

    def hear_some(self) -> None:
        """Deliver what chance picks; the rest is heard later, so out of order."""
        waiting = list(Job.objects.waiting().values_list("pk", flat=True))
        late = [pk for pk in waiting if self.dice.random() < 0.5]
        Job.objects.filter(pk__in=late).update(
            due_at=timezone.now() + timedelta(days=1)
        )
        self.deliver()
        Job.objects.filter(pk__in=late).update(due_at=timezone.now())

    def rebuild_in_between(self) -> None:
        rebuild()
