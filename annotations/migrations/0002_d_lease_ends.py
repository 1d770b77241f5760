"""A lease may end without an answer; a person holds one open lease in a campaign; labels of any length."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotations", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="lease", name="lease_once"),
        migrations.AddField(
            model_name="lease",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                default=None,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="leases",
                to="annotations.campaign",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="lease",
            name="state",
            field=models.SmallIntegerField(choices=[(0, "Open"), (1, "Done"), (2, "Skipped"), (3, "Ended")], default=0),
        ),
        migrations.AlterField(model_name="annotation", name="label", field=models.TextField(blank=True, default="")),
        migrations.AddConstraint(
            model_name="lease",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__lt", 3)), fields=("annotator", "task"), name="lease_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="lease",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", 0)), fields=("annotator", "campaign"), name="one_open_lease"
            ),
        ),
        migrations.AddIndex(
            model_name="annotation",
            index=models.Index(fields=["annotator", "campaign", "-id"], name="annotation_of_person"),
        ),
    ]
