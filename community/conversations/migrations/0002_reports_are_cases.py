from itertools import groupby

from django.db import migrations


def reports_to_cases(apps, schema_editor):
    """Make what was reported of a message a case of the moderators' queue.

    Reports of one message that were decided together are one case; their reason, which
    was free text, becomes the note of a report for another reason.
    """
    report_model = apps.get_model("conversations", "MessageReport")
    case_model = apps.get_model("moderation", "Case")
    flag_model = apps.get_model("moderation", "Flag")
    outcomes = {"upheld": "agreed", "dismissed": "disagreed", "": ""}
    rows = report_model.objects.select_related("message").order_by(
        "message_id", "decided_at", "pk"
    )
    together = groupby(
        rows.iterator(chunk_size=500), lambda row: (row.message_id, row.decided_at)
    )
    for (message_id, decided_at), group in together:
        reports = list(group)
        first = reports[0]
        case = case_model.objects.create(
            kind="message",
            message=message_id,
            subject_id=first.message.author_id,
            text=first.text,
            score=len(reports),
            opened_at=min(report.created_at for report in reports),
            outcome=outcomes[first.outcome],
            decided_by_id=first.decided_by_id,
            decided_at=decided_at,
            did_change=first.outcome == "upheld",
        )
        flag_model.objects.bulk_create(
            flag_model(
                case=case,
                person_id=report.reporter_id,
                reason="other",
                note=report.reason,
                weight=1,
                created_at=report.created_at,
            )
            for report in reports
        )


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0001_initial"),
        ("moderation", "0002_messages"),
    ]

    operations = [migrations.RunPython(reports_to_cases, migrations.RunPython.noop)]
