# Five rows, and fifteen that are three near-copies of each.
import gradline

for data in ("example:crops5", "example:crops"):
    model = gradline.fit(data, ["apples", "oranges"])
    inference = model.inference
    low, high = inference.interval(0.95).weight[0, 0]
    print(
        f"{data}: n − k = {inference.freedom:.0f}, weight of temp"
        f" {model.weight[0, 0]:.2f}, from {low:.2f} to {high:.2f},"
        f" p {inference.p_value.weight[0, 0]:.1g}"
    )
