from django.db import migrations

from jobs.carrying import Former

FORMER = Former(
    table="notifications_emailmessage",
    kind="mail",
    key="old.id",
    created="old.created_at",
    ended="sent_at",
    waiting=("pending",),
    settled="sent",
    ignored="sent",
)


class Migration(migrations.Migration):
    """Mails keep what they say; what becomes of them is told by jobs.

    Their former columns stay while processes of the release before may write them. What
    was sent is not carried over.
    """

    atomic = False
    dependencies = [("notifications", "0003_about"), ("jobs", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(FORMER.carry_over, FORMER.bring_back)
            ],
            state_operations=[
                migrations.RemoveIndex("emailmessage", "notifications_mail_pending"),
                migrations.RemoveIndex("emailmessage", "notifications_mail_dead"),
                *(
                    migrations.RemoveField("emailmessage", name)
                    for name in ("attempts", "due_at", "last_error", "state")
                ),
            ],
        )
    ]
