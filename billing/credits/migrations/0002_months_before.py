"""The months that were used before there was credit: their plans covered them."""

from django.db import migrations

COVER = """
INSERT INTO credits_coverage (organisation_id, month, used_nano, allowance_nano,
    from_allowance_nano, from_credit_nano, uncovered_nano)
SELECT organisation_id, date_trunc('month', "window" AT TIME ZONE 'UTC')::date,
    sum(price_nano), sum(price_nano), sum(price_nano), 0, 0
FROM ledger_usagecost WHERE is_covered
GROUP BY 1, 2 HAVING sum(price_nano) > 0
ON CONFLICT (organisation_id, month) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0001_initial"),
        ("ledger", "0003_covered_usage"),
    ]

    operations = [migrations.RunSQL(COVER, migrations.RunSQL.noop)]
