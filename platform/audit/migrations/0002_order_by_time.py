from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="record",
            index=models.Index(
                fields=["organisation", "-at", "-id"],
                name="audit_record_organisation_at",
            ),
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(fields=["-at", "-id"], name="audit_record_at"),
        ),
    ]
