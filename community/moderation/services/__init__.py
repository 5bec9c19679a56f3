"""Every change of a report, a case and an act."""

from community.moderation.services.acting import (
    MOST_AT_ONCE,
    decide_cases,
    treat_topics,
    undo_act,
)
from community.moderation.services.cases import (
    appeal_sanction,
    claim_case,
    decide_case,
    reopen_case,
    unclaim_case,
)
from community.moderation.services.flags import flag_comment, flag_post

__all__ = [
    "MOST_AT_ONCE",
    "appeal_sanction",
    "claim_case",
    "decide_case",
    "decide_cases",
    "flag_comment",
    "flag_post",
    "reopen_case",
    "treat_topics",
    "unclaim_case",
    "undo_act",
]
