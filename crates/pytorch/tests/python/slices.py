s = list(range(10))
print(s[2:5], s[:3], s[7:], s[:], s[-3:], s[:-3], s[::2], s[1::3], s[::-1], s[8:2:-2], s[5:2], s[20:], s[-100:2])
print("hello"[1:-1], "hello"[::-1], (1, 2, 3)[:-1], range(10)[2:8:3], "abc"[-1], "abc"[5:])
s[1:3] = ["a", "b", "c"]
print(s)
s[0:0] = [-1]
print(s)
s[::2] = [0] * len(s[::2])
print(s)
s[2:] = []
print(s)
del s[0]
print(s)
t = list(range(8))
del t[1:6:2]
print(t)
t[-1] = "last"
print(t)
t[len(t):] = [9, 10]
print(t)
try:
    t[::2] = [1]
except ValueError as error:
    print(error)
for wrong in (lambda: [1][3], lambda: (1,)[-2], lambda: "a"[1], lambda: range(3)[5]):
    try:
        wrong()
    except IndexError as error:
        print(error)
try:
    [1, 2]["a"]
except TypeError as error:
    print(error)
nested = [[1, 2], [3, 4]]
nested[1][0] += 10
print(nested, nested[-1][-1])
print(slice(1, 2).start, s[slice(None, 1)])
