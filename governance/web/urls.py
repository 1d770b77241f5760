"""The addresses of the governance floor. Each subject's module holds its own list; this file joins them."""

from django.urls import URLPattern, URLResolver

from governance.web import (
    access,
    agreements,
    asked,
    charters,
    collective,
    community,
    datasets,
    guide,
    intake_api,
    intake_consents,
    intake_imports,
    intake_samples,
    log,
    people,
    requests,
    rules,
    rules_api,
    signin,
    votes,
    withdrawals,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *signin.urlpatterns,
    *people.urlpatterns,
    *community.urlpatterns,
    *charters.urlpatterns,
    *collective.urlpatterns,
    *datasets.urlpatterns,
    *guide.urlpatterns,
    *intake_imports.urlpatterns,
    *intake_samples.urlpatterns,
    *intake_consents.urlpatterns,
    *intake_api.urlpatterns,
    *rules.urlpatterns,
    *rules_api.urlpatterns,
    *log.urlpatterns,
    *access.urlpatterns,
    *agreements.urlpatterns,
    *requests.urlpatterns,
    *asked.urlpatterns,
    *votes.urlpatterns,
    *withdrawals.urlpatterns,
]
