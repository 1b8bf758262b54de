from collections import OrderedDict, defaultdict, Counter, deque
import collections

o = OrderedDict([("conv0", 1), ("norm0", 2)])
o["relu0"] = 3
print(o, list(o), o["norm0"], list(o.items()), len(o), isinstance(o, dict))
o.move_to_end("conv0")
print(list(o), o.popitem(), o.popitem(last=False), o)
print(OrderedDict(a=1) == {"a": 1}, OrderedDict(), OrderedDict({"x": 1}).get("x"), collections.OrderedDict(o, z=1))
print(OrderedDict([("a", 1), ("b", 2)]) == OrderedDict([("b", 2), ("a", 1)]))
d = defaultdict(list)
d["a"].append(1)
d["a"].append(2)
d["b"]
print(d, dict(d), "c" in d, d.get("c"), len(d))
n = defaultdict(int)
for c in "hello":
    n[c] += 1
print(dict(n), defaultdict(lambda: "x")["any"])
c = Counter("abracadabra")
print(c["a"], c["z"], c.most_common(2), sum(c.values()), Counter([1, 1, 2]), sorted(Counter("ab") + Counter("b")), c.total())
c.update("aaa")
print(c["a"])
q = deque([1, 2, 3], maxlen=3)
q.append(4)
q.appendleft(0)
print(q, q.pop(), q.popleft(), list(q), len(q), q[0], deque("ab"))
q.extend([8, 9])
q.rotate(1)
print(q, 9 in q, deque())
try:
    defaultdict(int, a=1)["a"] + OrderedDict()["k"]
except KeyError as error:
    print("KeyError", error)
