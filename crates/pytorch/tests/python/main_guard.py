def main():
    print("main runs")
    return 0


print(__name__)
if __name__ == "__main__":
    code = main()
    print(code)
