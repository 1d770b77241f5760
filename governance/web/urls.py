"""The addresses of the governance floor. Each subject's module holds its own list; this file joins them."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
