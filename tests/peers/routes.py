"""The routes every gateway has, in the same number and of the same shape."""

from dataclasses import dataclass

# Requests go to so many of the routes, far from each other.
USED = 8


@dataclass(frozen=True)
class Route:
    """`/api3/resource7/` and one segment more, which says how long the answer is."""

    api: int
    number: int

    @property
    def prefix(self) -> str:
        return f"/api{self.api}/resource{self.number}/"


@dataclass(frozen=True)
class Routes:
    """So many routes, in several APIs as an organisation would have them."""

    count: int

    @property
    def apis(self) -> list[list[Route]]:
        """The routes of each API: two of five, or a hundred of a hundred."""
        each = min(100, max(1, self.count // 2))
        numbers = range(self.count)
        return [[Route(first // each, n - first) for n in numbers[first : first + each]] for first in numbers[::each]]

    @property
    def all(self) -> list[Route]:
        return [route for api in self.apis for route in api]

    @property
    def used(self) -> list[Route]:
        routes = self.all
        step = max(1, len(routes) // USED)
        return routes[step // 2 :: step][:USED]
