from django.db import migrations

from jobs.carrying import Former

FORMER = Former(
    table="contributions_delivery",
    kind="contribution",
    key="old.guid",
    created="old.received_at",
    ended="processed_at",
    waiting=("new",),
)


class Migration(migrations.Migration):
    """Deliveries keep what came; what became of it is told by jobs.

    Their former columns stay while processes of the release before may write them.
    """

    atomic = False
    dependencies = [
        ("contributions", "0002_dead_deliveries"),
        ("jobs", "0001_initial"),
    ]
    operations = [
        migrations.RunPython(FORMER.carry_history, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(FORMER.carry_over, FORMER.bring_back)
            ],
            state_operations=[
                migrations.RemoveIndex("delivery", "contributions_delivery_due"),
                *(
                    migrations.RemoveField("delivery", name)
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
