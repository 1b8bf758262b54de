s = {3, 1, 2, 3}
print(len(s), sorted(s), 2 in s, 5 not in s)
s.add(4)
s.discard(100)
s.remove(1)
print(sorted(s), sorted(s | {9}), sorted(s & {2, 3}), sorted(s - {2}), sorted(s ^ {2, 7}))
print(sorted(s.union([1], (5,))), sorted(s.intersection([2, 3])), sorted(s.difference({3})), {1}.issubset({1, 2}), {1, 2}.issuperset({1}), {1}.isdisjoint({2}))
s.update([7, 8])
print(sorted(s), set(), set("aa") == {"a"}, set([1, 2]) == {2, 1}, frozenset([1, 2]) == {1, 2})
print({frozenset([1]): "f"}[frozenset([1])], bool(set()), sorted(set(range(3)) | {10}))
try:
    s.remove(100)
except KeyError as error:
    print("KeyError", error)
try:
    {[1]}
except TypeError as error:
    print(error)
seen = set()
unique = [x for x in [3, 1, 3, 2, 1] if not (x in seen or seen.add(x))]
print(unique)
print({5}, {"one"}, {5}.pop(), len({1, 1.0, True}))
s |= {1}
s -= {7, 8}
s &= {1, 2, 3}
print(sorted(s))
