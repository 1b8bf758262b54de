a = [3, 1, 2]
a.append(5)
a.extend((6, 7))
a.extend("xy")
a.insert(1, "in")
a.insert(-1, "before last")
a.insert(100, "end")
print(a, len(a))
print(a.pop(), a.pop(0), a.pop(-2), a)
a.remove("in")
print(a, a.index(5), a.count(1), 5 in a)
b = [3, 1, 2]
print(b.sort(), b, b.reverse(), b)
b.sort(key=lambda v: -v, reverse=True)
c = b.copy()
c.clear()
print(b, c, b + c, b * 2, [0] * 3)
print([1, 2] + [3], list((1, 2)), list("ab"), list({"k": 1}), list(range(3)))
shared = [[0]] * 2
shared[0].append(1)
print(shared)
row = [0] * 3
grid = [row[:] for _ in range(2)]
grid[0][1] = 5
print(grid)
for wrong in (lambda: [].pop(), lambda: [1].remove(2), lambda: [1].index(2), lambda: [1].pop(5)):
    try:
        wrong()
    except (IndexError, ValueError) as error:
        print(type(error).__name__, error)
try:
    [1].append(1, 2)
except TypeError as error:
    print(error)
print(a is a, a == a[:], a is a[:], [1, [2]] == [1, [2]], min([2, 1]), max([1, 3], [2]))
widths = [64, 128, "M", 256]
for w in widths:
    if w == "M":
        continue
    print(w, end=" ")
print()
numbers = [1, 2, 3, 4]
for n in numbers[:]:
    if n % 2:
        numbers.remove(n)
print(numbers)
