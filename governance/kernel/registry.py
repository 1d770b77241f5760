"""A dict that fills itself from its own folder.

A plugin is one module in a folder that holds nothing else. Its file name is its id; its docstring is its page. The folder is
listed without importing anything; a module is imported at first use, so a web process that only lists checks never loads
pandas.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType


class Registry(Mapping[str, ModuleType]):
    """The plugins of ``package``, by file name, in alphabetical order; modules load at first use.

    Raises ``KeyError`` for a name that has no file. Names that start with an underscore are not plugins.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self._names: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The ids, sorted, found by listing the folder."""
        if self._names is None:
            folder = importlib.import_module(self.package)
            found = (m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_"))
            self._names = tuple(sorted(found))
        return self._names

    def __getitem__(self, name: str) -> ModuleType:
        if name not in self.names:
            raise KeyError(name)
        return importlib.import_module(f"{self.package}.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
