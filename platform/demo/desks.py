"""What waits on the desks of staff and moderators: a case, a quote, a request.

Each is brought there by the service a page calls, in its time; the stories say what.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from analytics import dashboards
from analytics.services import save_report
from billing.credits.approving import ask_for_credit
from billing.credits.models import CreditGrant
from billing.quotes import services as quotes
from billing.quotes.models import Buyer
from billing.quotes.queries import quotable_prices
from billing.referrals.services import ensure_link, record_referral
from billing.referrals.visiting import Visit
from community.conversations.services import create_conversation, create_message
from community.forum import services as forum
from community.forum.models import Category, Post, Topic
from community.moderation.models import Case
from community.moderation.services import cases, flags
from community.standing.models import Sanction
from community.standing.services import sanction_person
from core.money import NANO
from demo import people, storybook
from demo.calendar import Calendar
from demo.people import Company, Person
from demo.rhythm import Rhythm

# Of those who buy, so many came by Ada's link; the last of them from her own network.
INVITED = 3
# Who has been there for a day or two knows whom to ask for a quote.
SETTLED = timedelta(days=2)


def choose_advertiser(crowd: Sequence[Person], end: datetime) -> Person | None:
    """Return who advertises and is silenced for it, if anybody is there by then.

    They must say nothing else: who is silenced cannot.
    """
    moment = end - timedelta(days=storybook.desk("spam")["days_ago"])
    here = [each for each in crowd if each.is_verified and each.joined_at < moment]
    return here[-1] if here else None


def plan_desks(
    characters: dict[str, Person],
    crowd: Sequence[Person],
    buyers: Sequence[Person],
    advertiser: Person | None,
    company: Company,
    calendar: Calendar,
    rhythm: Rhythm,
) -> None:
    """Programme what staff and moderators find when they sign in."""
    desks = Desks(company, calendar, rhythm.end)
    desks.plan_quotes([each for each in crowd if each.is_verified])
    desks.plan_cases(advertiser)
    desks.plan_referrals(characters["ada"], crowd, buyers)
    desks.plan_reports()
    desks.plan_talk()
    desks.plan_approval()


class Desks:
    """Plans deeds of the last weeks before ``end``."""

    def __init__(self, company: Company, calendar: Calendar, end: datetime) -> None:
        self.company = company
        self.calendar = calendar
        self.end = end

    # Quotes.

    def plan_quotes(self, crowd: Sequence[Person]) -> None:
        """Have teams ask for a quote, and staff send one of them."""
        taken: set[str] = set()
        for story in storybook.desk("quotes"):
            asked_at = self._before(days=story["days_ago"])
            founder = next(
                (
                    each
                    for each in crowd
                    if each.username not in taken
                    and each.is_chinese == story.get("is_chinese", False)
                    and each.joined_at < asked_at - SETTLED
                ),
                None,
            )
            if founder is None:
                continue
            taken.add(founder.username)
            self.company.plan_team(
                story["team"],
                founder,
                [],
                founded_at=asked_at - timedelta(hours=3),
                calendar=self.calendar,
            )
            self.calendar.plan(asked_at, self._ask_for_quote, founder, story)

    def _ask_for_quote(self, founder: Person, story: dict[str, Any]) -> None:
        price = next(
            each for each in quotable_prices() if each.interval == each.Interval.YEAR
        )
        buyer = Buyer(
            contact_name=founder.display_name,
            contact_email=founder.email,
            **story["buyer"],
        )
        quote = quotes.ask_for_quote(
            people.team(story["team"]),
            by=self.company[founder.username],
            price=price,
            seats=story["seats"],
            term_months=story["term_months"],
            buyer=buyer,
            wishes=story["wishes"],
            language=founder.locale,
        )
        if story.get("sent"):
            moment = self._before(days=story["days_ago"] - 1)
            self.calendar.plan(moment, self._send_quote, quote, story)

    def _send_quote(self, quote: Any, story: dict[str, Any]) -> None:
        staff = self.company["staff"]
        terms = {"discount_bps": story["discount_bps"], "seats": story["seats"]}
        quotes.issue_quote(quotes.set_terms(quote, by=staff, **terms), by=staff)

    # Moderation.

    def plan_cases(self, advertiser: Person | None) -> None:
        """Have a member advertise and be silenced, and others be reported."""
        story = storybook.desk("spam")
        moment = self._before(days=story["days_ago"])
        if advertiser:
            self.calendar.plan(moment, self._advertise, advertiser, story)
        for report in storybook.desk("reports"):
            at = self._before(hours=report["hours_ago"])
            self.calendar.plan(at, self._report, report)

    def _advertise(self, author: Person, story: dict[str, Any]) -> None:
        topic = forum.create_topic(
            Category.objects.get(slug="show"),
            author=self.company[author.username],
            title=story["title"],
            text=story["text"],
            kind=Topic.Kind.DISCUSSION,
            tags=[],
            limited=False,
        )
        post = topic.posts.get(number=1)
        moment = self._before(days=story["days_ago"])
        for number, name in enumerate(("ada", "chen", "erin"), 1):
            at = moment + timedelta(minutes=11 * number)
            self.calendar.plan(at, self._flag, post, name, "spam", "")
        self.calendar.plan(moment + timedelta(hours=2), self._silence, post, story)

    def _flag(self, post: Post, by: str, reason: str, note: str) -> None:
        person = self.company[by]
        flags.raise_post_flag(post, by=person, reason=reason, note=note, limited=False)

    def _silence(self, post: Post, story: dict[str, Any]) -> None:
        moderator = self.company["mod"]
        case = Case.objects.get(post=post, outcome="")
        cases.judge_case(case, outcome=Case.Outcome.AGREED, by=moderator)
        now = self._before(days=story["days_ago"]) + timedelta(hours=2)
        sanction = sanction_person(
            post.author,
            kind=Sanction.Kind.SILENCE,
            reason=story["reason"],
            until=now + timedelta(days=story["silenced_days"]),
            by=moderator,
        )
        self.calendar.plan(now + timedelta(days=1), self._appeal, sanction, story)

    def _appeal(self, sanction: Sanction, story: dict[str, Any]) -> None:
        cases.appeal_sanction(sanction, text=story["appeal"])

    def _report(self, report: dict[str, Any]) -> None:
        reporter = self.company[report["by"]]
        replies = Post.objects.visible_to(reporter).filter(number__gt=1, hidden_at=None)
        of_others = replies.exclude(author=reporter).filter(
            author__is_staff=False, author__is_moderator=False
        )
        reported = Case.objects.undecided().filter(post__isnull=False)
        post = (
            of_others.exclude(pk__in=reported.values("post"))
            .order_by("-created_at", "-pk")
            .first()
        )
        if post is not None:
            self._flag(post, report["by"], report["reason"], report["note"])

    # Referrals.

    def plan_referrals(
        self, inviter: Person, crowd: Sequence[Person], buyers: Sequence[Person]
    ) -> None:
        """Have buyers, and one who buys nothing, come by a member's link.

        The last of the buyers is in the member's own network.
        """
        found = [
            each for each in buyers if each.joined_at > inviter.joined_at + SETTLED
        ]
        invited = found[:INVITED]
        for person in invited:
            is_near = person is invited[-1] and len(invited) > 1
            self._plan_invitation(
                inviter, person, inviter.username if is_near else person.username
            )
        others = (each for each in reversed(crowd) if each.is_verified)
        guest = next((each for each in others if each not in buyers), None)
        if guest is not None:
            self._plan_invitation(inviter, guest, guest.username)

    def _plan_invitation(self, inviter: Person, person: Person, network: str) -> None:
        moment = person.joined_at + timedelta(minutes=1)
        self.calendar.plan(moment, self._invite, inviter, person, network)

    def _invite(self, inviter: Person, person: Person, network: str) -> None:
        link = ensure_link(self._user(inviter), address_digest=inviter.username)
        visit = Visit(link.code, person.seen_at, person.visitor_id, network)
        record_referral(self._user(person), visit)

    # Reports, messages and requests.

    def plan_reports(self) -> None:
        """Have staff note what happened and keep the questions they ask on Mondays."""
        for note in storybook.desk("annotations"):
            self.calendar.plan(
                self._before(days=note["days_ago"]), self._annotate, note
            )
        self.calendar.plan(self._before(days=10), self._keep_reports)

    def _annotate(self, note: dict[str, Any]) -> None:
        on = self._before(days=note["days_ago"]).date()
        dashboards.annotate(on, note["kind"], note["text"], by=self.company["staff"])

    def _keep_reports(self) -> None:
        staff = self.company["staff"]
        board = dashboards.create_dashboard(
            storybook.desk("dashboard")["name"], by=staff
        )
        for kept in storybook.desk("reports_kept"):
            report = save_report(
                kept["kind"], name=kept["name"], query=kept["query"], by=staff
            )
            dashboards.add_tile(board, report, is_wide=True)

    def plan_talk(self) -> None:
        """Have two members write to each other."""
        story = storybook.desk("conversation")
        self.calendar.plan(self._before(days=story["days_ago"]), self._talk, story)

    def _talk(self, story: dict[str, Any]) -> None:
        first, second = (self.company[name] for name in story["between"])
        opening, *rest = story["said"]
        talk = create_conversation(
            [second], by=first, title=story["title"], text=opening, limited=False
        )
        for number, text in enumerate(rest, 1):
            speaker = (first, second)[number % 2]
            moment = self._before(days=story["days_ago"]) + timedelta(hours=2 * number)
            self.calendar.plan(moment, self._say, talk, speaker, text)

    def _say(self, talk: Any, speaker: User, text: str) -> None:
        create_message(talk, by=speaker, text=text, limited=False)

    def plan_approval(self) -> None:
        """Have staff ask a second person for a large favour."""
        story = storybook.desk("approval")
        self.calendar.plan(self._before(days=story["days_ago"]), self._ask, story)

    def _ask(self, story: dict[str, Any]) -> None:
        ask_for_credit(
            people.team(story["team"]),
            kind=CreditGrant.Kind.SUPPORT,
            amount_nano=story["amount"] * NANO,
            currency="usd",
            key="demo:favour",
            reason=story["reason"],
            expires_at=None,
            by=self.company["staff"],
        )

    def _before(self, *, days: float = 0, hours: float = 0) -> datetime:
        return self.end - timedelta(days=days, hours=hours)

    def _user(self, person: Person) -> User:
        return self.company[person.username]
