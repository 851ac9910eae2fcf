# Fewer rows, a column less and more epochs, all at once.
import gradline
from gradline.history.decomposition import movement


def trained(data, epochs, columns):
    solver = gradline.GradientDescent(lr=1e-5, epochs=epochs)
    return gradline.fit(data, "apples", features=columns, solver=solver)


before = trained("example:crops", 100, ["temp", "rainfall", "humidity"])
after = trained("example:crops5", 10_000, ["temp", "rainfall"])
for average in (False, True):
    found = movement(before, after, average=average)
    print(found.order)
    for part in found.parts:
        moved = "  ".join(f"{weight:+.4f}" for weight in part.weight[0])
        print(f"  {part.name:8}  {moved}  {part.share[0]:.0%}")
    left = sum(part.weight for part in found.parts) - found.change.weight
    print("  they sum to the change:", bool(abs(left).max() < 1e-12))
