n = 3
while n:
    n -= 1
    if n == 1:
        continue
    print("while", n)
else:
    print("while else")
for i in []:
    print("never")
else:
    print("for else")
for i in range(5):
    if i == 3:
        break
else:
    print("not here")
print(i)
while True:
    n += 1
    if n > 4:
        break
print(n)
for i in range(3):
    for j in range(3):
        if j > i:
            break
        print(i, j, end="; ")
    else:
        print("inner done", end="; ")
print()
data = {"a": [1, 2], "b": []}
for key, values in data.items():
    for value in values:
        print(key, value)
    if not values:
        print(key, "empty")
found = None
for candidate in (x for x in [4, 9, 16] if x % 2):
    found = candidate
    break
print(found)
for a, *b in [(1, 2, 3), (4,)]:
    print(a, b)


class Holder:
    pass


h = Holder()
for h.item in [1, 2]:
    pass
for data["k"] in "xy":
    pass
print(h.item, data["k"])
pass
