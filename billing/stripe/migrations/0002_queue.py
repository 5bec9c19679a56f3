from django.db import migrations

from jobs.carrying import Former

FORMER = Former(
    table="billing_stripe_webhookinbox",
    kind="webhook",
    key="old.id",
    created="old.received_at",
    ended="processed_at",
    waiting=("new", "failed"),
    # Working through one again is always safe, and staff may have asked for it.
    reopened=("dead", "done", "ignored"),
)


class Migration(migrations.Migration):
    """The inbox keeps what came; what became of it is told by jobs.

    Its former columns stay while processes of the release before may write them.
    """

    atomic = False
    dependencies = [
        ("billing_stripe", "0001_initial"),
        ("jobs", "0001_initial"),
    ]
    operations = [
        migrations.RunPython(FORMER.carry_history, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(FORMER.carry_over, FORMER.bring_back)
            ],
            state_operations=[
                migrations.RemoveIndex("webhookinbox", "billing_stripe_inbox_due"),
                *(
                    migrations.RemoveField("webhookinbox", name)
                    for name in (
                        "attempts",
                        "due_at",
                        "last_error",
                        "processed_at",
                        "state",
                    )
                ),
            ],
        ),
    ]
