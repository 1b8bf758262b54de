if (n := len("hello")) > 3:
    print("long", n)
data = [1, 5, 2, 8]
print([y for x in data if (y := x * 2) > 4], y)
position = 0
while (item := data[position]) != 8:
    position += 1
print(item, position)


def f(x):
    return (half := x // 2), half + 1


print(f(9), (z := 3) + z)
print({"k": (v := 2)}, v)
