"""What a topic says of itself to search engines, and where a link to it is shown.

The questions and answers are schema.org's QAPage, as search engines read it:
https://developers.google.com/search/docs/appearance/structured-data/qapage. It says
what the page shows its reader and nothing else.
"""

from typing import Any

from django.conf import settings
from django.utils.text import Truncator

from community.forum.models import Post, Topic
from community.forum.windows import TopicWindow

# What cards and results show of a text; both cut what is longer.
SUMMARY = 200
# In characters; an answer is read here, not there.
MOST_TEXT = 5_000


def summary_of(window: TopicWindow) -> str:
    """Return the beginning of a topic's first post on one line, if it is shown."""
    row = window.opening
    plain = "" if row is None or row.post.hidden_at else row.post.plain
    return Truncator(" ".join(plain.split())).chars(SUMMARY)


def question_page(topic: Topic, window: TopicWindow) -> dict[str, Any] | None:
    """Return a question with the answers on its page, or none where it has none.

    A search engine has no use for a question that nobody answered.
    """
    opening = window.opening
    shown = {row.post.pk: row.post for row in window.posts if not row.post.hidden_at}
    accepted = window.solution.post if window.solution else None
    suggested = [post for pk, post in shown.items() if pk != topic.solution_id]
    if not topic.is_question or opening is None or opening.post.hidden_at:
        return None
    if accepted is None and not suggested:
        return None
    question = {
        **_text_of(opening.post, "Question"),
        "name": topic.title,
        "answerCount": topic.reply_count,
    }
    if accepted is not None:
        question["acceptedAnswer"] = _text_of(accepted, "Answer")
    if suggested:
        question["suggestedAnswer"] = [_text_of(post, "Answer") for post in suggested]
    return {
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": question,
    }


def _text_of(post: Post, kind: str) -> dict[str, Any]:
    return {
        "@type": kind,
        "text": post.plain[:MOST_TEXT],
        "url": settings.SITE_URL + post.get_absolute_url(),
        "upvoteCount": post.vote_score,
        "datePublished": post.created_at.isoformat(),
        "author": {
            "@type": "Person",
            "name": post.author.name,
            "url": f"{settings.SITE_URL}/u/{post.author.username}/",
        },
    }
