"""Generator expressions and functions."""


def stages(widths):
    previous = 3
    for width in widths:
        yield previous, width
        previous = width
    return


print(list(stages([16, 32, 64])))
for cin, cout in stages((8, 9)):
    print(cin, "->", cout)

print(sum(i * i for i in range(5)), max((i % 4 for i in range(9)), default=0))
squares = (i * i for i in range(3))
print(next(squares), list(squares), list(squares))


def naturals():
    n = 0
    while True:
        yield n
        n += 1


source = naturals()
print([next(source) for _ in range(4)], next(source))


def flatten(items):
    for item in items:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


print(list(flatten([1, [2, [3, []], 4], [[5]]])))


def logged():
    print("start")
    yield 1
    print("middle")
    yield 2
    print("end")


generator = logged()
print("made")
for value in generator:
    print("got", value)
print(next(generator, "done"))
try:
    next(iter([]))
except StopIteration:
    print("stopped")
a, b, *rest = (c for c in "wxyz")
print(a, b, rest)
print(any(i > 2 for i in naturals()), tuple(i for i in range(3)), type(generator).__name__)
