class Stack:
    def __init__(self, items=()):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Stack(self.items[index])
        return self.items[index]

    def __setitem__(self, index, value):
        self.items[index] = value

    def __delitem__(self, index):
        del self.items[index]

    def __contains__(self, item):
        return any(i == item for i in self.items)

    def __iter__(self):
        return iter(self.items)

    def __call__(self, item, *, times=1):
        self.items.extend([item] * times)
        return self

    def __repr__(self):
        return f"Stack({self.items!r})"

    def __eq__(self, other):
        return isinstance(other, Stack) and self.items == other.items

    def __hash__(self):
        return hash(tuple(self.items))

    def __reversed__(self):
        return Stack(self.items[::-1])


s = Stack([1, 2])
print(len(s), s[0], s[-1], s[1:], 2 in s, 9 in s, list(s), s(3), s(4, times=2), bool(Stack()))
s[0] = "first"
del s[1]
print(s, s == Stack(s.items), s != Stack(), {Stack([1]): "hashed"}[Stack([1])], reversed(s), [x for x in s], tuple(s), [*s])


class Countdown:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


print(list(Countdown(3)), sum(Countdown(4)), max(Countdown(2)))


class Old:
    def __getitem__(self, i):
        if i > 2:
            raise IndexError(i)
        return i * i


print(list(Old()), 4 in Old())


class Dynamic:
    def __init__(self):
        self.real = 1

    def __getattr__(self, name):
        if name.startswith("no"):
            raise AttributeError(f"nothing called {name}")
        return f"dynamic {name}"

    def __setattr__(self, name, value):
        super().__setattr__(name, value * 10)


d = Dynamic()
d.x = 5
print(d.real, d.x, d.anything, hasattr(d, "nope"), getattr(d, "none", "default"))
object.__setattr__(d, "y", 1)
print(d.y)


class Unequal:
    def __init__(self, v):
        self.v = v

    def __eq__(self, other):
        return NotImplemented


print(Unequal(1) == Unequal(1), Unequal(1) == 5)
try:
    len(Dynamic)
except TypeError as error:
    print(error)
try:
    Countdown(1)[0]
except TypeError as error:
    print(error)
try:
    Countdown(1)()
except TypeError as error:
    print(error)
