"""What each level may do; services ask here, and a member's page shows it."""

from dataclasses import dataclass, replace

from community.standing.models import Level


@dataclass(frozen=True, slots=True)
class Privileges:
    """What a person may do: ``None`` is no limit; days are any 24 hours."""

    topics_a_day: int
    replies_a_day: int
    votes_a_day: int
    flags_a_day: int
    links_in_text: int | None
    mentions_in_text: int | None
    may_vote_down: bool
    # Conversations begun, and messages written in all of them.
    conversations_a_day: int
    messages_a_day: int


# Discourse's 20 topics a day, 50 likes and some, and as many replies as a day of
# helping without pause has.
# Of messages a day of talking, to more people than anybody has to ask.
_KNOWN = Privileges(
    20,
    200,
    60,
    20,
    None,
    None,
    may_vote_down=True,
    conversations_a_day=20,
    messages_a_day=300,
)
PRIVILEGES: dict[Level, Privileges] = {
    # Discourse's two links and two mentions, where advertisers live; a conversation or
    # two; a fifth of the votes, so that accounts made to vote are many and show.
    # Advertisers write to everybody at once; a person asks one or two, and answers.
    Level.NEWCOMER: Privileges(
        5,
        20,
        12,
        5,
        2,
        2,
        may_vote_down=False,
        conversations_a_day=2,
        messages_a_day=20,
    ),
    Level.BASIC: _KNOWN,
    Level.MEMBER: _KNOWN,
    # They look after the place: they report, and vote, more.
    Level.REGULAR: replace(_KNOWN, votes_a_day=100, flags_a_day=50),
    # They write to who needs a word, and to many.
    Level.LEADER: replace(
        _KNOWN,
        topics_a_day=40,
        replies_a_day=400,
        votes_a_day=150,
        flags_a_day=100,
        conversations_a_day=40,
        messages_a_day=600,
    ),
}
