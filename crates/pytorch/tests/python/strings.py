s = "  Conv2d_BN relu "
print(s.strip(), s.lstrip() + "|", s.rstrip() + "|", s.strip().lower(), s.strip().upper(), "abc".capitalize(), "a b".title())
print("a,b,,c".split(","), "a b  c ".split(), "a.b.c".rsplit(".", 1), "a.b.c".split(".", 1), "a\nb\r\nc".splitlines())
print("-".join(["a", "b"]), "".join(str(i) for i in range(4)), ", ".join([]))
print("layer1.0.conv".replace(".", "_"), "aaa".replace("a", "b", 2), "x".replace("y", "z"))
print("features.0".startswith("features"), "x.py".endswith((".py", ".txt")), "abc".startswith("b", 1))
print("hello".find("l"), "hello".rfind("l"), "hello".find("z"), "hello".index("e"), "hello".count("l"), "aaaa".count("aa"))
print("12".isdigit(), "a1".isalnum(), "ab".isalpha(), "AB".isupper(), "ab".islower(), " ".isspace(), "".isdigit())
print("7".zfill(3), "-7".zfill(4), "a".center(5, "*"), "a".ljust(3) + "|", "a".rjust(3), "ab".center(5) + "|")
print("a=b=c".partition("="), "a=b=c".rpartition("="), "abc".partition("x"))
print("xxabxx".strip("x"), "abcba".lstrip("ab"), "file.pth".removesuffix(".pth"), "module.fc".removeprefix("module."))
print("abc"[1], len("héé"), "a" + "b" "c", "tab\there", 'q"q', "it's", '''tri'ple"s''')
print("a" < "b", max("hello"), sorted("hello"), list("abc"), "".join(reversed("abc")), "b" in "abc", set("aab") == {"a", "b"})
print(ord("A"), chr(97), "swapCase".swapcase(), "%d%%" % 5, r"raw\n", "\x41\u00e9\N{BULLET}", "a\\b")
print("abc" * 2, "Ab".casefold(), "{}-{}".format("x", 1), "one two".split(" ")[-1], "a\tb".expandtabs(4))
try:
    "abc".index("z")
except ValueError as error:
    print(error)
try:
    "abc".nope
except AttributeError as error:
    print(error)
try:
    ",".join([1, 2])
except TypeError as error:
    print(error)
long = ("one "
        "two "
        f"{1 + 2}")
print(long, "back\
slash")
print(str(12), str(None), str([1, "a"]), str("x"), repr("x"), str((1,)), "abc".translate({97: "X"}))
