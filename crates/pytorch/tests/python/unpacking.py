a, b = 1, 2
a, b = b, a
print(a, b)
first, *middle, last = range(6)
print(first, middle, last)
*init, tail = "ab"
print(init, tail)
head, *nothing = [1]
print(head, nothing)
(x, (y, z)), w = (1, [2, 3]), 4
print(x, y, z, w)
[p, q] = "pq"
print(p, q)
print([*range(3), *"ab"], (*[1], 2), {**{"a": 1}, "b": 2, **{"a": 3}})
print(sorted({*[1, 2], *(2, 3)}))
for i, (name, size) in enumerate([("a", 1), ("b", 2)]):
    print(i, name, size)
a = b = [0]
a.append(1)
print(b)
i = 0
i, values = 1, [10, 20]
values[i], i = "set", 5
print(values, i)


class Holder:
    pass


h = Holder()
h.a, h.b = divmod(17, 5)
print(h.a, h.b)


def tried(make):
    try:
        make()
    except (ValueError, TypeError) as error:
        print(type(error).__name__, error)


def three():
    a, b, c = 1, 2


def one():
    a, = [1, 2]


def star():
    a, b, *c = [1]


def number():
    a, b = 5


for function in (three, one, star, number):
    tried(function)
