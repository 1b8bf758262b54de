from collections import namedtuple
from typing import NamedTuple

Point = namedtuple("Point", ["x", "y"])
Row = namedtuple("Row", "name size kind", defaults=["plain"])
p = Point(1, y=2)
print(p, p.x, p[1], tuple(p), p == (1, 2), p._replace(x=5), p._asdict(), Point._fields, len(p))
x, y = p
print(x, y, Row("a", 1), Row("a", 1, "b").kind, Point(*[3, 4]), Point._make([5, 6]), isinstance(p, tuple))
try:
    p.x = 5
except AttributeError as error:
    print(type(error).__name__)
try:
    Point(1)
except TypeError as error:
    print(error)


class Stage(NamedTuple):
    """A stage."""
    channels: int
    blocks: int = 2

    def total(self):
        return self.channels * self.blocks


s = Stage(64)
print(s, s.total(), Stage(8, blocks=3).total(), s + (1,), sorted([Stage(2, 1), Stage(1, 9)]), [c for c, b in [s, Stage(1, 1)]])
print(Stage.__name__, hash(s) == hash((64, 2)), max(s))
