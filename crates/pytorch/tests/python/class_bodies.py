"""What may stand in a class's body, and how its names are found."""
factor = 2


class Net:
    """Documented."""
    widths = [8, 16]
    factor = 3
    total = sum(widths) * factor
    if total > 10:
        big = True
    for i in range(3):
        last = i

    def method(self):
        return factor, self.factor

    class Inner:
        value = 7

    make = lambda self, x: (self.factor, x)

    def _private(self):
        return "private"

    def __hidden(self):
        return "hidden"

    def reach(self):
        return self.__hidden()


n = Net()
print(Net.total, Net.big, Net.last, n.method(), Net.Inner.value, n.Inner().value, n.make(1), Net.__doc__)
print(n._private(), n.reach(), hasattr(n, "__hidden"), n._Net__hidden())
method = n.method
print(method(), method.__name__, Net.method(n), method.__self__ is n)
Net.added = lambda self: "added"
n.own = lambda: "own"
print(n.added(), n.own())
Net.widths.append(32)
print(Net.widths, n.widths is Net.widths)


class Point:
    x: int
    y: int = 0

    def __init__(self, x):
        self.x = x


print(Point(1).x, Point(1).y, hasattr(Point, "x"))


def factory(base):
    class Made(base):
        def twice(self):
            return self.factor * 2
    return Made


print(factory(Net)().twice(), factory(Net).__name__)


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 1


print(Slots().a)
try:
    Net.nothing
except AttributeError as error:
    print(error)
try:
    Net().method(1)
except TypeError as error:
    print(error)
