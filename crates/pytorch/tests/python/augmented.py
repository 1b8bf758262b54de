x = 5
x += 2; x -= 1; x *= 3; print(x)
x //= 4; print(x)
x **= 3; print(x)
x %= 7; print(x)
x /= 2; print(x)
x = 6
x |= 1; x &= 5; x ^= 2; x <<= 3; x >>= 1
print(x)
a = b = [1]
a += [2]
print(b, a is b)
a = a + [3]
print(b, a is b)
t = (1,)
u = t
t += (2,)
print(t, u)
s = "ab"
s += "c"
s *= 2
print(s)


class Counter:
    total = 0

    def __init__(self):
        self.count = 0

    def bump(self, by):
        self.count += by
        self.total += by
        Counter.total += 100
        return self


c = Counter().bump(2).bump(3)
print(c.count, c.total, Counter.total)
d = {"n": 1, "l": [0]}
d["n"] += 1
d["l"] += [1]
d["l"][0] -= 5
print(d)


def index():
    print("index once")
    return 0


values = [10]
values[index()] += 1
print(values)
channels = 64
for growth in (32, 32):
    channels += 4 * growth
    channels //= 2
print(channels)
d |= {"m": 3}
print(d, {"a": 1} | {"a": 2, "b": 3})
