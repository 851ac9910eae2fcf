# Tutorial 004: how far 102 updates got.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
start = (
    [[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]],
    [2.2341, -1.7922],
)
path = gradline.Trajectory(moments, lr=1e-5, init=start)

trained = path.at(102)
print(f"loss {trained.loss:.1f}, its root {trained.loss**0.5:.1f}")
print(
    f"at the optimum {path.optimal_loss:.3f}, its root {path.optimal_loss**0.5:.2f}"
)

for epochs in (1_000, 10_000):
    print(
        f"after {epochs:,} epochs the root is {path.at(epochs).loss ** 0.5:.2f}"
    )
