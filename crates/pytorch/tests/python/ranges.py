r = range(2, 20, 3)
print(list(r), len(r), r[0], r[-1], r[1:4], r[::-1], 5 in r, 6 in r, r.index(8), r.start, r.stop, r.step, r.count(5))
print(list(range(3)), list(range(3, 0)), list(range(3, 0, -1)), list(range(0)), list(range(-3)), list(range(10, -10, -5)))
print(range(3) == range(0, 3), range(0, 5, 2) == range(0, 6, 2), range(3) == [0, 1, 2], range(0) == range(5, 2), hash(range(3)) == hash(range(3)))
print(range(5), range(1, 5), range(1, 5, 2), repr(range(0, 5, 1)), bool(range(0)), max(range(5)), sum(range(101)))
print(len(range(10 ** 12)), 10 ** 11 in range(10 ** 12), range(10 ** 12)[-1], range(10 ** 12)[5:10])
for wrong in (lambda: range(1, 2, 0), lambda: range(1.5), lambda: range("a"), lambda: range(3)[3], lambda: range()):
    try:
        wrong()
    except (ValueError, TypeError, IndexError) as error:
        print(type(error).__name__, error)
for i in range(5, 0, -2):
    print(i, end=",")
print(i)
for i in range(3):
    i = 10
print(i)
print(tuple(range(2)), set(range(2)) == {0, 1}, [*range(2)], sorted(range(3), reverse=True), isinstance(range(1), range))
