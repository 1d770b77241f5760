"""Every address of the product. Each floor declares its own; this file only joins them."""

from django.urls import include, path

urlpatterns = [
    path("", include("governance.web.urls")),
    path("", include("annotations.web.urls")),
    path("", include("curation.web.urls")),
]

handler400 = "curation.config.problems.unreadable"
handler403 = "curation.config.problems.refused"
handler404 = "curation.config.problems.missing"
handler500 = "curation.config.problems.broken"
