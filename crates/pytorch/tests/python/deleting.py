x = 1
del x
try:
    x
except NameError as error:
    print(error)
d = {"a": 1, "b": 2, "c": 3}
del d["a"]
print(d)
try:
    del d["z"]
except KeyError as error:
    print("KeyError", error, error.args)


class Net:
    pass


n = Net()
n.fc = 1
del n.fc
print(hasattr(n, "fc"))
try:
    n.fc
except AttributeError as error:
    print(error)
n.a = n.b = 2
delattr(n, "a")
print(vars(n))
items = [1, 2, 3, 4]
del items[-1], items[0]
print(items)
a, b = 1, 2
del a, b
print("a" in globals())
