from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_names_begin")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="closes_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="erased_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=Q(("closes_at__isnull", False)),
                fields=["closes_at"],
                name="accounts_user_closes",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("erased_at", None),
                    Q(
                        ("bio", ""),
                        ("closes_at", None),
                        ("display_name", ""),
                        ("email__endswith", ".invalid"),
                        ("is_active", False),
                        ("is_moderator", False),
                        ("is_staff", False),
                        ("is_superuser", False),
                        ("website", ""),
                    ),
                    _connector="OR",
                ),
                name="accounts_user_erased",
            ),
        ),
    ]
