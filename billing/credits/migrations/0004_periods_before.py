"""What was covered before was covered by the calendar month (UTC)."""

from django.db import migrations

PERIODS = """
UPDATE credits_coverage SET starts_at = month::timestamp AT TIME ZONE 'UTC',
    ends_at = (month + interval '1 month') AT TIME ZONE 'UTC'
WHERE starts_at IS NULL
"""

# One row for each, since nobody wrote down which row was covered by what.
ROWS = """
INSERT INTO credits_coveredusage (coverage_id, usage_id, from_allowance_nano,
    from_credit_nano, charged_nano, uncovered_nano)
SELECT id, NULL, from_allowance_nano, from_credit_nano, 0, uncovered_nano
FROM credits_coverage
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0003_periods")]

    operations = [
        migrations.RunSQL(PERIODS, migrations.RunSQL.noop),
        migrations.RunSQL(ROWS, migrations.RunSQL.noop),
    ]
