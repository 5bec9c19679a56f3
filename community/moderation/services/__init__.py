"""Every change of a report, a case and an act."""

from community.moderation.services.acting import (
    MOST_AT_ONCE,
    judge_cases,
    treat_topics,
    undo_act,
)
from community.moderation.services.cases import (
    appeal_sanction,
    hold_case,
    judge_case,
    reopen_case,
    unclaim_case,
)
from community.moderation.services.flags import (
    raise_comment_flag,
    raise_message_flag,
    raise_post_flag,
)

__all__ = [
    "MOST_AT_ONCE",
    "appeal_sanction",
    "hold_case",
    "judge_case",
    "judge_cases",
    "raise_comment_flag",
    "raise_message_flag",
    "raise_post_flag",
    "reopen_case",
    "treat_topics",
    "unclaim_case",
    "undo_act",
]
