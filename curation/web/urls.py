"""The addresses of the curation floor. Each subject's module holds its own list; this file joins them."""

from django.urls import URLPattern, URLResolver

from curation.web import (
    ask,
    ask_api,
    handover,
    health,
    hub,
    public,
    pulls,
    quality,
    receipts_api,
    register,
    today,
    versions,
    versions_api,
    withdrawals,
)
from curation.web import explained as explained  # loaded so that votes say what they change

urlpatterns: list[URLPattern | URLResolver] = [
    *handover.urlpatterns,
    *health.urlpatterns,
    *hub.urlpatterns,
    *public.urlpatterns,
    *ask.urlpatterns,
    *ask_api.urlpatterns,
    *pulls.urlpatterns,
    *register.urlpatterns,
    *today.urlpatterns,
    *quality.urlpatterns,
    *receipts_api.urlpatterns,
    *versions.urlpatterns,
    *versions_api.urlpatterns,
    *withdrawals.urlpatterns,
]
