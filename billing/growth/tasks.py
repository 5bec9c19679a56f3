from celery import shared_task

from billing.growth import (
    challenging,
    judging,
    learning,
    mailing,
    occurrences,
    scoring,
    services,
)
from billing.growth.campaigns import enrolling, stepping


@shared_task
def send_offers() -> None:
    """Tell people of offers whose time has come."""
    mailing.send_offers()


@shared_task
def release_expired() -> None:
    """Free what is reserved for offers that are over."""
    services.release_expired()


@shared_task
def notice_falling_usage() -> None:
    """Notice paying organisations that use much less than before."""
    occurrences.notice_falling_usage()


@shared_task
def learn() -> None:
    """Stop what loses money, then learn from what is left."""
    learning.guard_margins()
    learning.learn()


@shared_task
def score() -> None:
    """Take the day's snapshot of every score, and open leads for who is in need."""
    scoring.score_organisations()
    scoring.open_leads_by_score()


@shared_task
def advance_campaigns() -> None:
    """See who enters campaigns and who is out of them, then take the steps due."""
    enrolling.refresh_campaigns()
    stepping.take_due_steps()


@shared_task
def judge() -> None:
    """Judge past scores, and let a model that learnt from them challenge the next."""
    judging.judge_scores()
    challenging.challenge_score()
