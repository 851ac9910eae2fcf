# What each input adds to a prediction.
weights = {"temp": -0.42, "rainfall": 0.84, "humidity": 0.68}
bias = 2.21

region = {"temp": 73, "rainfall": 67, "humidity": 43}
parts = {name: round(weights[name] * region[name], 1) for name in weights}
print(parts, "and the bias", bias)
print(f"together {sum(parts.values()) + bias:.1f}")
