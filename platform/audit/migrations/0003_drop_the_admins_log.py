from django.db import migrations


class Migration(migrations.Migration):
    """Django's admin is gone; its log would keep people from being deleted.

    What it held was copied into the audit log as it happened.
    """

    dependencies = [("audit", "0002_order_by_time")]

    operations = [
        migrations.RunSQL(
            "DROP TABLE IF EXISTS django_admin_log", migrations.RunSQL.noop
        )
    ]
