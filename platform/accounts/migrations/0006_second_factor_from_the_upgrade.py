from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone


def begin(apps: Any, schema_editor: Any) -> None:
    """Give those who have such a role already their days of grace from today."""
    user, membership = (
        apps.get_model("accounts", name) for name in ("User", "Membership")
    )
    places = membership.objects.filter(
        user=OuterRef("pk"),
        role__in=["owner", "billing"],
        organisation__kind="team",
    )
    user.objects.filter(Q(is_staff=True) | Exists(places)).update(
        second_factor_since=timezone.now()
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_user_second_factor_since")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
