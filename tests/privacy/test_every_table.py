"""Every table that names a person says what becomes of it when they are erased.

A new table has no line here, and fails: whoever adds it decides.
"""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.db.models import ForeignKey

from accounts import services as accounts
from accounts import tokens
from accounts.models import Identity, User
from accounts.queries import personal_organisation
from activity.models import FirstTouch, Visitor, VisitorLink
from billing.plans.models import Inquiry
from community.contributions.models import Contribution
from community.conversations.models import MessagePreference, Participant
from community.conversations.services import (
    create_conversation,
    set_message_preference,
)
from community.forum.models import Bookmark, PlaceWatch, ReadingDay, TopicUser
from community.people.models import Stance
from community.people.services import set_stance
from core.clock import now
from core.crypto import encrypt
from drafts.models import Draft
from inference.stored.models import StoredResponse
from inference.transcripts.models import Transcript
from notifications.models import Kind
from notifications.services import notify, set_preferences
from privacy import services
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.factories.inference import transcript_of, used
from tests.factories.privacy import export_of

# Rows of a person that are not there any more.
ERASED = {
    "account.EmailAddress.user",
    "accounts.Identity.user",
    "accounts.PersonalAccessToken.user",
    "activity.FirstTouch.user",
    "activity.VisitorLink.user",
    "conversations.MessagePreference.user",
    "drafts.Draft.user",
    "forum.Bookmark.user",
    "forum.PlaceWatch.user",
    "forum.ReadingDay.user",
    "forum.TopicUser.user",
    "mfa.Authenticator.user",
    "notifications.EmailMessage.user",
    "notifications.Notification.user",
    "notifications.Preference.user",
    "people.Stance.person",
    "people.Stance.user",
    "playground.Chat.owner",
    "privacy.DataExport.user",
    "socialaccount.SocialAccount.user",
    "usersessions.UserSession.user",
}
# Erased elsewhere: by a fact that the erasure causes, which its own tests show.
ELSEWHERE = {"attribution.Touch.person"}
WROTE = "what they wrote is others' to read; its author is nameless"
COUNTED = "a count that others see; it names the nameless row"
DECIDED = "who decided, or did it to others: power leaves a trace"
MONEY = "the books; they name the nameless row"
KEPT = {
    "accounts.Invitation.invited_by": "the team's; it names the nameless row",
    "accounts.Membership.user": "of organisations theirs alone, which their bills name",
    "accounts.Organisation.owner": MONEY,
    "analytics.Annotation.created_by": DECIDED,
    "analytics.Dashboard.created_by": DECIDED,
    "analytics.DashboardReader.user": "staff's; staff give their role back first",
    "analytics.SavedReport.created_by": DECIDED,
    "analytics.Watcher.user": "staff's; staff give their role back first",
    "approvals.Approval.asked_by": MONEY,
    "approvals.Approval.decided_by": DECIDED,
    "audit.Record.actor": DECIDED,
    "budgets.Budget.member": "a limit of the team's; it names the nameless row",
    "catalog.DeploymentPause.paused_by": DECIDED,
    "contributions.Contribution.user": "merged work; who they are at GitHub goes",
    "conversations.Participant.user": "the others see who took part; marked as left",
    "conversations.PrivateConversation.started_by": WROTE,
    "conversations.PrivateMessage.author": WROTE,
    "conversion.Developer.user": "N, alpha and pi stay what they were; the way goes",
    "conversion.Scenario.owner": DECIDED,
    "credits.ChargeCap.set_by": MONEY,
    "credits.CreditEntry.made_by": MONEY,
    "credits.CreditGrant.granted_by": MONEY,
    "forum.Ballot.user": COUNTED,
    "forum.Comment.author": WROTE,
    "forum.Comment.hidden_by": DECIDED,
    "forum.IdeaDecision.by": DECIDED,
    "forum.Post.author": WROTE,
    "forum.Post.hidden_by": DECIDED,
    "forum.PostRevision.editor": WROTE,
    "forum.Reaction.user": COUNTED,
    "forum.Topic.author": WROTE,
    "forum.Topic.last_poster": WROTE,
    "forum.Vote.user": COUNTED,
    "growth.AcceptedAnswer.author": COUNTED,
    "growth.CompanyDomain.first_user": COUNTED,
    "growth.Decision.accepted_by": "a lift that was measured stays what it was",
    "growth.Decision.user": "a lift that was measured stays what it was",
    "growth.Enrolment.user": "a lift that was measured stays what it was",
    "growth.Exposure.user": "a lift that was measured stays what it was",
    "growth.Lead.owner": DECIDED,
    "growth.Lead.user": "that there was a lead; what was asked goes with the inquiry",
    "growth.LeadNote.by": DECIDED,
    "imports.ImportedPerson.claimed_by": "whose texts they are; the proofs go",
    "imports.ImportedPerson.placeholder": "no person's account",
    "keys.ApiKey.created_by": "the organisation's, and ended where that is theirs alone",
    "ledger.Invoice.user": MONEY,
    "moderation.Act.by": DECIDED,
    "moderation.Act.undone_by": DECIDED,
    "moderation.Case.claimed_by": DECIDED,
    "moderation.Case.decided_by": DECIDED,
    "moderation.Case.subject": "what moderators decided stands",
    "moderation.Flag.person": "what moderators were told stands",
    "notifications.Notification.actor": "what others were told, by the nameless row",
    "overage.WriteOff.by": MONEY,
    "plans.Inquiry.user": "that there was a question; who asked and what goes",
    "playground.Vote.voter": COUNTED,
    "pricelab.PlanCandidate.owner": DECIDED,
    "pricelists.PriceList.made_by": DECIDED,
    "privacy.Closing.user": "that and when it was erased",
    "quotes.Quote.asked_by": MONEY,
    "quotes.Quote.prepared_by": MONEY,
    "quotes.Signature.user": "a contract is signed by a person",
    "referrals.Referral.decided_by": DECIDED,
    "referrals.Referral.invited": MONEY,
    "referrals.ReferralLink.user": MONEY,
    "refunds.RefundOrder.ordered_by": MONEY,
    "reputation.Balance.user": COUNTED,
    "reputation.Entry.actor": COUNTED,
    "reputation.Entry.user": COUNTED,
    "reputation.Reach.user": COUNTED,
    "standing.Sanction.by": DECIDED,
    "standing.Sanction.lifted_by": DECIDED,
    "standing.Sanction.user": "what moderators decided stands",
    "standing.Trust.user": COUNTED,
    "stored.Storage.chosen_by": DECIDED,
    "subscriptions.Cancellation.user": MONEY,
    "subscriptions.Case.closed_by": DECIDED,
    "subscriptions.CheckoutIntent.user": MONEY,
    "subscriptions.PlanChange.user": MONEY,
    "subscriptions.StaffGrant.granted_by": DECIDED,
    "subscriptions.Subscription.user": MONEY,
    "transcripts.TranscriptChoice.chosen_by": DECIDED,
    "trust.BadgeAward.revoked_by": DECIDED,
    "trust.BadgeAward.user": COUNTED,
    "trust.LevelChange.user": COUNTED,
    "trust.RingMember.user": "what moderators decided stands",
    "trust.VoidedVote.user": COUNTED,
}


def keys_to_people() -> dict[str, ForeignKey[Any, Any]]:
    return {
        f"{model._meta.label}.{field.name}": field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and field.related_model is User
    }


def test_every_key_to_a_person_has_its_answer() -> None:
    assert set(keys_to_people()) == ERASED | ELSEWHERE | KEPT.keys()
    assert not ERASED & KEPT.keys()


def everything_of(ada: User, ben: User) -> None:
    """Make a row of each table that is erased, and texts that are cleared."""
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    SocialAccount.objects.create(user=ada, provider="github", uid="7")
    Identity.objects.create(user=ada, provider="github", external_id="7", login="al")
    Authenticator.objects.create(user=ada, type="totp", data={"secret": encrypt("x")})
    UserSession.objects.create(user=ada, session_key="x" * 32, ip="::1")
    tokens.create_token(ada, name="CI", scopes=["read"])
    visitor = Visitor.objects.create(pk="v_1", first_seen_at=now(), source="x")
    VisitorLink.objects.create(visitor=visitor, user=ada, linked_at=now())
    FirstTouch.objects.create(user=ada, at=now(), source="x")
    Draft.objects.create(user=ada, place="a", nonce="b", body="c")
    topic = forum.topic(ben)
    post = topic.posts.get()
    Bookmark.objects.create(user=ada, post=post, note="For Monday")
    PlaceWatch.objects.create(user=ada, category=topic.category, level="watching")
    ReadingDay.objects.create(user=ada, day=now().date())
    TopicUser.objects.get_or_create(user=ada, topic=topic)
    set_stance(ben, by=ada, kind=Stance.Kind.FOLLOW)
    set_stance(ada, by=ben, kind=Stance.Kind.MUTE)
    create_conversation([ben], by=ada, title="Keys", text="Hello.", limited=False)
    set_message_preference(ada, MessagePreference.From.NOBODY)
    notify(ada.pk, Kind.SECURITY, dedupe_key="a", url="/", title="A")
    set_preferences(ada, {Kind.REPLY: False})
    playground.chat(ada)
    mine = personal_organisation(ada)
    transcript_of(used(mine))
    StoredResponse.objects.create(
        pk="resp_1",
        organisation=mine,
        model="tiny",
        status="completed",
        sealed_input="x",
        sealed_response="x",
        expires_at=now(),
    )
    Inquiry.objects.create(
        digest="d", user=ada, name="Ada", email=ada.email, message="How much?"
    )
    Contribution.objects.create(
        kind="pull_request",
        status="credited",
        dedupe_key="k",
        user=ada,
        provider="github",
        external_id="7",
        external_login="al",
        repository="a/b",
        number=1,
        title="Fix",
        url="https://example.test/1",
        happened_at=now(),
        credited_at=now(),
    )
    export_of(ada)


@pytest.mark.django_db
def test_nothing_is_left_of_what_is_erased(
    person: Callable[..., Any], erase: Callable[[Any], None]
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(accounts.create_organisation("Northwind", owner=ben), 5)
    accounts.add_member(team, user=ada)
    everything_of(ada, ben)
    fields = keys_to_people()
    there = {
        name
        for name in ERASED
        if fields[name]
        .model._default_manager.filter(**{fields[name].name: ada})
        .exists()
    }
    assert there == ERASED

    services.close_account(ada)
    erase(ada)

    left = {
        name
        for name in ERASED
        if fields[name]
        .model._default_manager.filter(**{fields[name].name: ada})
        .exists()
    }
    assert left == set()
    assert not Visitor.objects.filter(pk="v_1").exists()
    assert not Transcript.objects.exists()
    assert not StoredResponse.objects.exists()
    assert Participant.objects.get(user=ada).left_at is not None
    asked = Inquiry.objects.get()
    assert (asked.name, asked.email, asked.message) == ("", "", "")
    merged = Contribution.objects.get()
    assert (merged.external_id, merged.external_login, merged.user) == ("", "", ada)
