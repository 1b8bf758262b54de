t = (1, 2, 3)
single = (1,)
empty = ()
bare = 1, 2
print(t, single, empty, bare, (1), ((1,),))
print(t[0], t[-1], t[1:], t + (4,), t * 2, len(t), 2 in t, t.index(3), t.count(1))
print(tuple([1, 2]), tuple("ab"), tuple(), tuple(i for i in range(2)))
print((1, 2) == (1, 2), (1, 2) < (2,), hash((1, 2)) == hash((1, 2)), {(1, 2): "pair"}[1, 2])
try:
    t[0] = 5
except TypeError as error:
    print(error)
try:
    t.append(1)
except AttributeError as error:
    print(error)
kernel = 3
kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
print(kernel, tuple(k // 2 for k in kernel))
held = ([1], 2)
held[0].append(9)
print(held, sorted((3, 1, 2)), max((1, 2), (1, 3)), sum((1, 2, 3)), tuple(reversed(t)))


def pair():
    return 1, "two"


a, b = pair()
print(a, b, pair()[1], type(pair()).__name__)
