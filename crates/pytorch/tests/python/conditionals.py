def size(x):
    if x < 0:
        return "negative"
    elif x == 0:
        return "zero"
    elif x < 10:
        if x % 2:
            return "small odd"
        return "small even"
    else:
        return "large"


print([size(x) for x in (-1, 0, 3, 4, 10)])
stride, cin, cout = 2, 64, 64
shortcut = "conv" if stride != 1 or cin != cout else None
print(shortcut, "identity" if shortcut is None else shortcut)
norm = None
norm = norm or "batch"
if norm is not None and isinstance(norm, str) and norm.startswith("b"):
    print("batch norm")
if not (stride == 1 and cin == cout): print("projection")
x = 5
print("between" if 1 < x <= 5 else "outside", x if x > 3 else -x, [x, -x][x < 0], (x > 3) * 10)
value = {"relu": "ReLU"}.get("gelu", "default") if x else None
print(value)
if x:
    pass
else:
    print("never")
if []: print("never")
elif (): print("never")
else: print("empty ones are false")
assert x == 5
print(bool(x) and "yes" or "no", x and None, (None or 0) is None)
