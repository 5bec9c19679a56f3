"""What becomes of transcripts when a person's account is erased."""

from accounts.models import User
from accounts.queries import own_organisations
from contracts.accounts import AccountErased
from inference.transcripts.models import Transcript
from outbox import subscribe


@subscribe(AccountErased)
def remove_transcripts(fact: AccountErased) -> None:
    """Delete what is kept for organisations that were theirs alone."""
    mine = own_organisations(User.objects.get(pk=fact.user_id))
    Transcript.objects.filter(organisation__in=mine).delete()
