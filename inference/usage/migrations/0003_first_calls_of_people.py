from django.db import migrations, models


class Migration(migrations.Migration):
    """A first call is a person's. The organisations' stay where the release before
    writes them, and hold no organisation back; the next release drops the table."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("usage", "0002_failures_are_rows"),
    ]

    operations = [
        migrations.AlterField(
            model_name="firstcall",
            name="organisation",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=models.deletion.PROTECT,
                primary_key=True,
                related_name="+",
                serialize=False,
                to="accounts.organisation",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("FirstCall")]
        ),
        migrations.CreateModel(
            name="FirstCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("user_id", models.BigIntegerField(null=True)),
                ("key_id", models.BigIntegerField(null=True)),
                ("model", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                ("is_announced", models.BooleanField(default=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
            ],
            options={
                "db_table": "usage_personal_first_call",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_announced", False)),
                        fields=["id"],
                        name="usage_firstcall_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "user_id"),
                        name="usage_firstcall_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
