"""What each level may do; services ask here, and a member's page shows it."""

from dataclasses import dataclass

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


# Discourse's 20 topics a day, 50 likes and some, and as many replies as a day of
# helping without pause has.
_KNOWN = Privileges(20, 200, 60, 20, None, None, may_vote_down=True)
PRIVILEGES: dict[Level, Privileges] = {
    # Discourse's two links and two mentions, where advertisers live; a conversation or
    # two; a fifth of the votes, so that accounts made to vote are many and show.
    Level.NEWCOMER: Privileges(5, 20, 12, 5, 2, 2, may_vote_down=False),
    Level.BASIC: _KNOWN,
    Level.MEMBER: _KNOWN,
    # They look after the place: they report, and vote, more.
    Level.REGULAR: Privileges(20, 200, 100, 50, None, None, may_vote_down=True),
    Level.LEADER: Privileges(40, 400, 150, 100, None, None, may_vote_down=True),
}
