from django.db import migrations

# One read of the hours, which are few, and one of the calls of a single hour for each
# key. What an organisation had told already is told no second time.
FIND = """
WITH hours AS (
    SELECT DISTINCT ON (hour.organisation_id, key.created_by_id)
        hour.organisation_id, key.created_by_id AS user_id, hour.key_id, hour.hour
    FROM usage_usagehour hour JOIN keys_apikey key ON key.id = hour.key_id
    WHERE hour.requests > hour.failures
    ORDER BY hour.organisation_id, key.created_by_id, hour.hour
)
INSERT INTO usage_personal_first_call
    (organisation_id, user_id, key_id, model, at, is_announced)
SELECT hours.organisation_id, hours.user_id, first.key_id, first.model,
    first.occurred_at, told.user_id IS NOT NULL
FROM hours
CROSS JOIN LATERAL (
    SELECT call.key_id, call.model, call.occurred_at FROM usage_usageevent call
    JOIN keys_apikey key ON key.id = call.key_id
    WHERE call.organisation_id = hours.organisation_id AND call.status = 'ok'
        AND key.created_by_id IS NOT DISTINCT FROM hours.user_id
        AND call.occurred_at >= hours.hour
        AND call.occurred_at < hours.hour + interval '1 hour'
    ORDER BY call.occurred_at LIMIT 1
) first
LEFT JOIN (
    SELECT former.organisation_id, key.created_by_id AS user_id
    FROM usage_firstcall former JOIN keys_apikey key ON key.id = former.key_id
    WHERE former.is_announced
) told ON told.organisation_id = hours.organisation_id
    AND told.user_id = hours.user_id
ON CONFLICT (organisation_id, user_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0001_initial"),
        ("usage", "0003_first_calls_of_people"),
    ]

    operations = [migrations.RunSQL(FIND, migrations.RunSQL.noop)]
