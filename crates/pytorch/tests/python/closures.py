"""Closures see variables, not values."""


def counter():
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step


a, b = counter(), counter()
print(a(), a(), a(10), b())

late = [lambda: i for i in range(3)]
print([f() for f in late])
bound = [lambda i=i: i for i in range(3)]
print([f() for f in bound])


def outer(x):
    def middle():
        def inner():
            return x + 1
        return inner
    x = x * 10
    return middle()


print(outer(2)())


def read_before_set():
    try:
        print(value)
    except UnboundLocalError as error:
        print(type(error).__name__, isinstance(error, NameError))
    value = 1
    return value


print(read_before_set())

funcs = {}
for name in ["a", "b"]:
    def named(suffix, name=name):
        return name + suffix
    funcs[name] = named
print(funcs["a"]("1"), funcs["b"]("2"))
print(name)
