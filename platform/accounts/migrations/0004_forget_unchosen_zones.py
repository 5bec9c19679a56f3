"""UTC was every account's zone and changed nothing, so nobody has chosen it."""

from typing import Any

from django.db import migrations

BATCH = 5_000


def forget_unchosen_zones(apps: Any, schema_editor: Any) -> None:
    users = apps.get_model("accounts", "User").objects.filter(time_zone="UTC")
    while pks := list(users.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        users.filter(pk__in=pks).update(time_zone="")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0003_settings_and_wishes")]

    operations = [
        migrations.RunPython(forget_unchosen_zones, migrations.RunPython.noop),
    ]
