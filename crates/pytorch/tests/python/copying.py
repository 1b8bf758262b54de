import copy

a = {"list": [1, [2]], "tuple": (1, [3])}
shallow = copy.copy(a)
deep = copy.deepcopy(a)
a["list"][1].append(99)
a["tuple"][1].append(98)
a["new"] = 1
print(shallow)
print(deep)
rows = [[0] * 2] * 2
rows2 = copy.deepcopy(rows)
rows2[0][0] = 1
print(rows2, rows)


class Node:
    def __init__(self, v):
        self.v = v
        self.children = []


n = Node([1])
n.children.append(Node(2))
c, d = copy.copy(n), copy.deepcopy(n)
n.v.append(2)
n.children[0].v = "changed"
print(c.v, d.v, c.children[0].v, d.children[0].v, c is n, type(d).__name__)
print(copy.deepcopy((1, "a", None)), copy.copy([1, 2]), [1, 2][:], list((1, 2)), {"a": 1}.copy())
blocks = [copy.deepcopy(Node(i)) for i in range(2)]
print([b.v for b in blocks])
