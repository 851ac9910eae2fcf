# More epochs, less loss.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
path = gradline.Trajectory(moments, lr=1e-5)
for epochs in (1, 10, 100, 10_000):
    print(f"{epochs:>6,} epochs: loss {path.at(epochs).loss:.4g}")
