"""Every periodic job of the product, in one place.

A job that is nudged after its commit is swept for only what a crash left behind. The
intervals are as long as that allows: each run costs an idle machine some milliseconds.
"""

from typing import Any

from celery.schedules import crontab

Entry = dict[str, Any]


def _every(seconds: float, task: str, *args: str, queue: str = "") -> Entry:
    """Return the entry of a task that runs in intervals.

    A run that waited twice as long has been overtaken by the next, and expires.
    """
    options: Entry = {"expires": 2 * seconds, **({"queue": queue} if queue else {})}
    return {"task": task, "schedule": seconds, "args": args, "options": options}


def _nightly(hour: int, minute: int, task: str) -> Entry:
    """Return the entry of a task that runs once a day, by UTC."""
    return {"task": task, "schedule": crontab(hour=hour, minute=minute)}


SCHEDULE: dict[str, Entry] = {
    "operations-pulse": _every(30, "operations.tasks.pulse"),
    # People wait for what these do.
    "jobs-facts": _every(2, "jobs.tasks.sweep", "fact"),
    "jobs-webhooks": _every(2, "jobs.tasks.sweep", "webhook", queue="billing"),
    "jobs-mails": _every(15, "jobs.tasks.sweep", "mail", queue="mail"),
    "jobs-contributions": _every(15, "jobs.tasks.sweep", "contribution"),
    "subscriptions-expire": _every(60, "billing.subscriptions.tasks.expire_grants"),
    "credits-expire": _every(60, "billing.credits.tasks.expire_credit"),
    # Stripe keeps the invoice of a new period open for an hour.
    "overage-close": _every(
        300, "billing.overage.tasks.close_periods", queue="billing"
    ),
    "activity-flush": _every(15, "activity.tasks.flush_buffer"),
    "analytics-feed": _every(30, "analytics.tasks.feed"),
    # Days end at another hour than UTC's, and the read side may be late.
    "analytics-watches": _every(1800, "analytics.tasks.judge_watches"),
    "analytics-digests": _every(1800, "analytics.tasks.send_digests", queue="mail"),
    "search-embed": _every(15, "search.tasks.embed_waiting"),
    "gateway-sweep": _every(15, "inference.gateway.tasks.sweep"),
    "gateway-refusals": _every(15, "inference.gateway.tasks.publish_refusals"),
    "usage-first-calls": _every(6, "inference.usage.tasks.publish_first_calls"),
    "usage-budgets": _every(60, "inference.budgets.tasks.check_budgets"),
    "usage-report": _every(30, "inference.usage.tasks.report_hours"),
    "forum-views": _every(60, "community.forum.tasks.flush_views"),
    # A reminder is chosen to the minute.
    "forum-reminders": _every(60, "community.forum.tasks.notify_of_reminders"),
    # Each hour is Monday morning for other people; a missed hour's are not sent late.
    "forum-digests": {
        "task": "community.forum.tasks.send_digests",
        "schedule": crontab(minute=10),
    },
    # A week's percentiles move little in ten minutes.
    "usage-measure": _every(600, "inference.usage.tasks.measure_models", queue="usage"),
    # Who reads it looks at days, not at minutes.
    "attribution-due": _every(600, "billing.attribution.tasks.replace_due_ways"),
    "stored-prune": {
        "task": "inference.stored.tasks.prune",
        "schedule": crontab(minute=25),
    },
    "transcripts-prune": {
        "task": "inference.transcripts.tasks.prune",
        "schedule": crontab(minute=35),
    },
    "trial-reminders": {
        "task": "billing.subscriptions.tasks.remind_of_trials",
        "schedule": crontab(minute=5),
    },
    "card-reminders": _nightly(5, 20, "billing.subscriptions.tasks.remind_of_cards"),
    "quotes-settle": {
        "task": "billing.quotes.tasks.settle",
        "schedule": crontab(minute=20),
    },
    "approvals-expire": {
        "task": "billing.approvals.tasks.expire_requests",
        "schedule": crontab(minute=45),
    },
    "refunds-expire": {
        "task": "billing.refunds.tasks.expire_orders",
        "schedule": crontab(minute=50),
    },
    "jobs-refunds": _every(15, "jobs.tasks.sweep", "refund", queue="billing"),
    "jobs-customers": _every(15, "jobs.tasks.sweep", "customer", queue="billing"),
    "jobs-contracts": _every(15, "jobs.tasks.sweep", "contract", queue="billing"),
    "jobs-replays": _every(15, "jobs.tasks.sweep", "replay", queue="billing"),
    "jobs-exports": _every(15, "jobs.tasks.sweep", "export"),
    "jobs-erasures": _every(300, "jobs.tasks.sweep", "erasure"),
    # An account is closed for days; an hour more is none.
    "privacy-erase": {
        "task": "privacy.tasks.enqueue_erasures",
        "schedule": crontab(minute=40),
    },
    # Those who were in their night are told in their morning.
    "growth-send": _every(300, "billing.growth.tasks.send_offers", queue="mail"),
    "growth-campaigns": _every(300, "billing.growth.tasks.advance_campaigns"),
    "growth-release": _every(3600, "billing.growth.tasks.release_expired"),
    "growth-falling": _nightly(4, 40, "billing.growth.tasks.notice_falling_usage"),
    "growth-score": _nightly(4, 45, "billing.growth.tasks.score"),
    "growth-judge": _nightly(4, 55, "billing.growth.tasks.judge"),
    "growth-learn": _nightly(4, 50, "billing.growth.tasks.learn"),
    "referrals-reward": {
        "task": "billing.referrals.tasks.reward_due",
        "schedule": crontab(minute=45),
    },
    "referrals-prune": _nightly(4, 55, "billing.referrals.tasks.prune_traces"),
    "credits-remind": {
        "task": "billing.credits.tasks.remind_of_expiry",
        "schedule": crontab(minute=15),
    },
    "knowledge-rebuild": _nightly(4, 30, "knowledge.tasks.rebuild"),
    # After everything of the day is known and scored.
    "causes-estimate": _nightly(5, 0, "billing.causes.tasks.estimate"),
    # By UTC, spread over an hour and a half: most are long and read the same disk.
    "stripe-reconcile": _nightly(2, 40, "billing.subscriptions.tasks.reconcile"),
    "overage-check": _nightly(2, 50, "billing.overage.tasks.check_charges"),
    "conversion-check": _nightly(2, 55, "billing.conversion.tasks.check_figures"),
    "attribution-ways": _nightly(3, 0, "billing.attribution.tasks.replace_ways"),
    "forecast-replace": _nightly(3, 0, "billing.forecast.tasks.replace_forecast"),
    "activity-partitions": _nightly(3, 5, "activity.tasks.ensure_partitions"),
    # Before the levels are measured, so that what was taken back does not count.
    "trust-rings": _nightly(3, 0, "community.trust.tasks.open_ring_cases"),
    "trust-levels": _nightly(3, 10, "community.trust.tasks.assess_everybody"),
    "forum-render-again": _nightly(3, 15, "community.forum.tasks.render_again"),
    "outbox-prune": _nightly(3, 20, "outbox.tasks.prune"),
    "accounts-prune-calls": _nightly(3, 35, "accounts.tasks.prune_calls"),
    "audit-verify": _nightly(3, 35, "audit.tasks.verify"),
    "drafts-forget": _nightly(3, 45, "drafts.tasks.prune_drafts"),
    "jobs-prune": _nightly(3, 50, "jobs.tasks.prune"),
    "gateway-compare": _nightly(4, 10, "inference.gateway.tasks.compare"),
    "search-forget": _nightly(4, 20, "search.tasks.forget_unused"),
}
