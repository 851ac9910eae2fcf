# What is known, and what is asked for.
region = {
    "temp": 73,
    "rainfall": 67,
    "humidity": 43,
    "apples": 56,
    "oranges": 70,
}

targets = {name: region.pop(name) for name in ("apples", "oranges")}
print("inputs: ", region)
print("targets:", targets)
