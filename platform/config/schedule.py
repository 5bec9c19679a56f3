"""Every periodic job of the product, in one place."""

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    "operations-pulse": {
        "task": "operations.tasks.pulse",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "outbox-relay": {
        "task": "outbox.tasks.relay",
        "schedule": 2.0,
        # A run that waited longer than this has been overtaken by the next.
        "options": {"expires": 4},
    },
    "outbox-prune": {
        "task": "outbox.tasks.prune",
        "schedule": crontab(hour=3, minute=20),
    },
    "accounts-prune-calls": {
        "task": "accounts.tasks.prune_calls",
        "schedule": crontab(hour=3, minute=35),
    },
    "stripe-sweep": {
        "task": "billing.stripe.tasks.sweep",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    "subscriptions-expire": {
        "task": "billing.subscriptions.tasks.expire_grants",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
    "stripe-reconcile": {
        "task": "billing.subscriptions.tasks.reconcile",
        "schedule": crontab(hour=2, minute=40),
    },
    "activity-flush": {
        "task": "activity.tasks.flush_buffer",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "activity-partitions": {
        "task": "activity.tasks.ensure_partitions",
        "schedule": crontab(hour=3, minute=5),
    },
    "audit-verify": {
        "task": "audit.tasks.verify",
        "schedule": crontab(hour=3, minute=35),
    },
    "mail-send-due": {
        "task": "notifications.tasks.send_due_mail",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "mail-prune": {
        "task": "notifications.tasks.prune_mail",
        "schedule": crontab(hour=3, minute=50),
    },
    "gateway-sweep": {
        "task": "inference.gateway.tasks.sweep",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "usage-first-calls": {
        "task": "inference.usage.tasks.announce_first_calls",
        "schedule": 3.0,
        "options": {"expires": 6},
    },
    "usage-report": {
        "task": "inference.usage.tasks.report_hours",
        "schedule": 30.0,
        "options": {"expires": 60},
    },
    "contributions-waiting": {
        "task": "community.contributions.tasks.process_waiting",
        "schedule": 10.0,
        "options": {"expires": 20},
    },
    "forum-views": {
        "task": "community.forum.tasks.flush_views",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
}
