"""How lists of the API are cut: no answer holds more than it says, however much is asked for."""

from rest_framework.pagination import LimitOffsetPagination


class Pages(LimitOffsetPagination):
    """``limit`` and ``offset``, with an end to ``limit``."""

    max_limit = 500
