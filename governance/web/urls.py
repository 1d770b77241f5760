"""The addresses of the governance floor. Each subject's module holds its own list; this file joins them."""

from django.urls import URLPattern, URLResolver

from governance.web import community, guide, people, signin

urlpatterns: list[URLPattern | URLResolver] = [
    *signin.urlpatterns,
    *people.urlpatterns,
    *community.urlpatterns,
    *guide.urlpatterns,
]
