from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0006_card_fingerprints")]

    operations = [
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("duplicate", "Two live subscriptions"),
                    ("dispute", "Disputed payment"),
                    ("difference", "Differs from Stripe"),
                    ("referral", "Referral to be looked at"),
                    ("refund", "Refund that did not arrive"),
                ],
                max_length=12,
            ),
        )
    ]
