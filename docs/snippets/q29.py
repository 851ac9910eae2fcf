# Why the loss grows, and which rate would not.
import gradline

moments = gradline.Moments.of("example:crops5", ["apples", "oranges"])
path = gradline.Trajectory(moments, lr=1e-3)
print(
    f"lr {path.lr:.0e} makes the error grow {path.spectrum.growth(path.lr):.1f}-fold"
)
print(f"the largest stable lr is {path.lr_limit:.2e}")
