"""The addresses of the annotations floor. Each subject's module holds its own list; this file joins them."""

from django.urls import URLPattern, URLResolver

from annotations.web import api, desk, flags_desk, review, words, work

urlpatterns: list[URLPattern | URLResolver] = [
    *work.urlpatterns,
    *words.urlpatterns,
    *review.urlpatterns,
    *desk.urlpatterns,
    *flags_desk.urlpatterns,
    *api.urlpatterns,
]
