# Tutorial 003: the start that it prints, on rows that its rule draws.
import gradline

rows = gradline.Moments.of("example:line", "y")
path = gradline.Trajectory(rows, lr=0.1, init=([[0.0505]], [0.4906]))

for updates, b, w in (
    (1, 0.8038, 0.2507),
    (15, 1.5862, 0.9522),
    (100, 1.2212, 1.6143),
    (1000, 1.0095, 1.9813),
):
    line = path.at(updates)
    found = f"b = {line.bias[0]:.4f}, w = {line.weight[0, 0]:.4f}"
    print(f"{updates:>4} updates: {found}, printed b = {b}, w = {w}")
