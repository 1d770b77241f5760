"""Every address says who may call it."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from governance.web.access_rules import DECLARED

# Addresses that Django or a library serves; each with the reason why it needs no declaration of ours.
FOREIGN: dict[str, str] = {}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


def declared(pattern: URLPattern) -> str | None:
    view = pattern.callback
    return getattr(view, DECLARED, None) or getattr(getattr(view, "view_class", None), DECLARED, None)


def test_every_address_declares_who_may_call_it():
    undeclared = [
        route for route, pattern in patterns(get_resolver()) if declared(pattern) is None and route not in FOREIGN
    ]

    assert undeclared == []


def test_the_walk_sees_the_pages_of_all_floors():
    routes = {route for route, _ in patterns(get_resolver())}

    assert any(route.startswith("tasks/") for route in routes)
    assert any("versions" in route for route in routes)
    assert len(routes) > 50
