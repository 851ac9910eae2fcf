# Tutorial 000: every loss that it prints, from the start that it prints.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
start = (
    [[0.5376, 0.0660, -0.4016], [-0.6218, -0.9119, -0.3167]],
    [-0.6848, 0.0488],
)
path = gradline.Trajectory(moments, lr=1e-5, init=start)

for updates, printed in (
    (0, 32622.8906),
    (1, 22260.2070),
    (2, 15273.6279),
    (102, 267.3872),
):
    loss = path.at(updates).loss
    print(f"{updates:>3} updates: loss {loss:8.1f}, printed {printed:8.1f}")
print(f"the optimum: {path.optimal_loss:.2f}")
