"""Every periodic job of the product, in one place.

A job that is nudged after its commit is swept for only what a crash left behind. The
intervals are as long as that allows: each run costs an idle machine some milliseconds.
"""

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    "operations-pulse": {
        "task": "operations.tasks.pulse",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "jobs-facts": {
        "task": "jobs.tasks.sweep",
        "args": ["fact"],
        "schedule": 2.0,
        # A run that waited longer than this has been overtaken by the next.
        "options": {"expires": 4},
    },
    "jobs-webhooks": {
        "task": "jobs.tasks.sweep",
        "args": ["webhook"],
        "schedule": 2.0,
        "options": {"expires": 4, "queue": "billing"},
    },
    "jobs-mails": {
        "task": "jobs.tasks.sweep",
        "args": ["mail"],
        "schedule": 15.0,
        "options": {"expires": 30, "queue": "mail"},
    },
    "jobs-contributions": {
        "task": "jobs.tasks.sweep",
        "args": ["contribution"],
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "jobs-prune": {
        "task": "jobs.tasks.prune",
        "schedule": crontab(hour=3, minute=50),
    },
    "outbox-prune": {
        "task": "outbox.tasks.prune",
        "schedule": crontab(hour=3, minute=20),
    },
    "accounts-prune-calls": {
        "task": "accounts.tasks.prune_calls",
        "schedule": crontab(hour=3, minute=35),
    },
    "drafts-forget": {
        "task": "drafts.tasks.prune_drafts",
        "schedule": crontab(hour=3, minute=45),
    },
    "subscriptions-expire": {
        "task": "billing.subscriptions.tasks.expire_grants",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
    "trial-reminders": {
        "task": "billing.subscriptions.tasks.remind_of_trials",
        "schedule": crontab(minute=5),
    },
    "stripe-reconcile": {
        "task": "billing.subscriptions.tasks.reconcile",
        "schedule": crontab(hour=2, minute=40),
    },
    "activity-flush": {
        "task": "activity.tasks.flush_buffer",
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "activity-partitions": {
        "task": "activity.tasks.ensure_partitions",
        "schedule": crontab(hour=3, minute=5),
    },
    "audit-verify": {
        "task": "audit.tasks.verify",
        "schedule": crontab(hour=3, minute=35),
    },
    "search-embed": {
        "task": "search.tasks.embed_waiting",
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "search-forget": {
        "task": "search.tasks.forget_unused",
        "schedule": crontab(hour=4, minute=20),
    },
    "gateway-sweep": {
        "task": "inference.gateway.tasks.sweep",
        "schedule": 15.0,
        "options": {"expires": 30},
    },
    "usage-first-calls": {
        "task": "inference.usage.tasks.publish_first_calls",
        "schedule": 6.0,
        "options": {"expires": 12},
    },
    "usage-report": {
        "task": "inference.usage.tasks.report_hours",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "forum-render-again": {
        "task": "community.forum.tasks.render_again",
        "schedule": crontab(hour=3, minute=15),
    },
    "forum-views": {
        "task": "community.forum.tasks.flush_views",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
}
