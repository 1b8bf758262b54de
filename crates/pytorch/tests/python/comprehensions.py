"""Comprehensions have a scope of their own; nested and conditional ones."""
x = "outer"
print([x for x in range(3)], x)
print([(i, j) for i in range(3) for j in range(i)])
print([[i * j for j in range(3)] for i in range(3)])
print([i for i in range(20) if i % 2 if i % 3])
print(["even" if i % 2 == 0 else "odd" for i in range(3)])
print({k: v for k, v in zip("abc", range(3))})
print({v: k for k, v in {"a": 1, "b": 2}.items()})
print(sorted({i % 3 for i in range(10)}))
matrix = [[1, 2], [3, 4], [5, 6]]
print([value for row in matrix for value in row])
print([list(column) for column in zip(*matrix)])
print([(a, b) for a, (b, _) in [(1, (2, 3)), (4, (5, 6))]])
print([first for first, *_ in ["abc", "de"]])


class Config:
    widths = [16, 32]
    doubled = [w * 2 for w in widths]


print(Config.doubled)
n = 3
print([i + n for i in range(n)])
print({i: {j: i * j for j in range(2)} for i in range(2)})
print(len([None for _ in range(7)]), [y := 5, y + 1], y)
