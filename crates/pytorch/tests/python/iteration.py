print(list(zip([1, 2, 3], "ab")), list(zip()), list(zip([1])), dict(zip("ab", [1, 2])))
print(list(enumerate("ab")), list(enumerate("ab", 1)), list(enumerate([], start=5)))
print(list(map(str, [1, 2])), list(map(lambda a, b: a + b, [1, 2], [10, 20, 30])), list(map(len, ["a", "bb"])))
print(list(filter(None, [0, 1, "", "a"])), list(filter(lambda v: v > 1, [1, 2, 3])))
print(list(reversed([1, 2])), list(reversed(range(3))), list(reversed("ab")), list(reversed((1, 2))))
print(sum([1, 2]), sum([[1], [2]], []), sum((0.5, 1)), sum([], 5), sum(x for x in [1, 2]), sum([1], start=2))
print(any(x > 1 for x in [1, 2]), all(x > 1 for x in [1, 2]))
pairs = zip([1, 2], [3, 4])
print(next(pairs), list(pairs), list(pairs))
iterator = iter([1, 2])
print(next(iterator), next(iterator), next(iterator, "none"))
widths = [3, 16, 32]
for cin, cout in zip(widths[:-1], widths[1:]):
    print(cin, cout)
for i, (a, b) in enumerate(zip("xy", "pq"), start=10):
    print(i, a, b)
try:
    list(zip([1], [1, 2], strict=True))
except ValueError as error:
    print(error)
a, b = zip(*[(1, "a"), (2, "b")])
print(a, b)
m = map(int, "123")
print(type(m).__name__, sum(m), list(m))
print([*map(lambda p: p[0] * p[1], zip(range(3), range(3)))], tuple(zip("a", "b")), next(iter({"k": 1})))
for wrong in (lambda: list(5), lambda: [x for x in None], lambda: len(5), lambda: next([]), lambda: sum(["a"])):
    try:
        wrong()
    except TypeError as error:
        print(error)
