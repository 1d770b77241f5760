"""What lies within what: actions in actions, people in groups, works in collections, places in places, uses in uses."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hierarchy:
    """Names and those directly above them; loops do no harm."""

    pairs: frozenset[tuple[str, str]]
    _above: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, *many: Iterable[tuple[str, str]]) -> "Hierarchy":
        """Put pairs of (narrower, broader) together."""
        return cls(frozenset(pair for pairs in many for pair in pairs))

    def above(self, name: str) -> frozenset[str]:
        """``name`` and everything that it lies within."""
        if not self._above:
            self._climb()
        return self._above.get(name) or frozenset({name})

    def lies_within(self, name: str, upper: str) -> bool:
        """Whether ``name`` is ``upper`` or lies within it."""
        return name == upper or upper in self.above(name)

    def knows(self, name: str) -> bool:
        """Whether anything at all is said about ``name``."""
        return any(name in pair for pair in self.pairs)

    def overlaps(self, first: str, second: str) -> bool:
        """Whether one of the two lies within the other, or something named lies within both."""
        if self.lies_within(first, second) or self.lies_within(second, first):
            return True
        return any({first, second} <= self.above(name) for name, _upper in self.pairs)

    def _climb(self) -> None:
        direct: dict[str, set[str]] = {}
        for lower, upper in self.pairs:
            direct.setdefault(lower, set()).add(upper)
            direct.setdefault(upper, set())
        for name in direct:
            seen, waiting = {name}, [name]
            while waiting:
                for upper in direct.get(waiting.pop(), ()):
                    if upper not in seen:
                        seen.add(upper)
                        waiting.append(upper)
            self._above[name] = frozenset(seen)
