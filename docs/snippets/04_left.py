# What is left after them, and how long it would take.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
start = (
    [[1.0522, -1.1931, 0.3418], [0.5824, 0.0763, -1.6385]],
    [2.2341, -1.7922],
)
path = gradline.Trajectory(moments, lr=1e-5, init=start)

for epoch in (102, 1_000, 10_000, 1_000_000, 84_300_000):
    print(f"epoch {epoch:>10,}: loss {path.at(epoch).loss:.4g}")
print(f"the optimum:      loss {path.optimal_loss:.4g}\n")

print(f"what is left after epoch 102: {path.at(102).gap:.1f}, of it")
for part in path.directions(102)[:2]:
    print(
        f"{part.share:4.0%} {part.columns}, halved in {part.half_life:.0f} epochs"
    )

slowest = path.epochs_to_weights() / 1e6
print(
    f"\nthe slowest error shrinks a thousandfold in {slowest:.1f} million epochs"
)
