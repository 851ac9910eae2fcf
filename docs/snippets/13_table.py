# What the fifteen rows say about each coefficient of the apples.
import gradline

model = gradline.fit("example:crops", ["apples", "oranges"])
inference = model.inference
stderr, t, p = (
    pair.weight[0]
    for pair in (inference.estimates.stderr, inference.t, inference.p_value)
)
interval = inference.interval(0.95).weight[0]

print("          weight  error      t        p   from      to")
for j, name in enumerate(model.features):
    print(
        f"{name:<8} {model.weight[0, j]:7.4f} {stderr[j]:6.4f} {t[j]:6.1f}",
        f"{p[j]:8.1g} {interval[j, 0]:6.3f} {interval[j, 1]:7.3f}",
    )
print(f"R² {inference.r2[0]:.4f}, adjusted {inference.adjusted_r2[0]:.4f}")
print(
    f"F {inference.F[0]:.0f} on {inference.slopes} and {inference.freedom:.0f}"
    f" degrees of freedom, s {inference.residual_stderr[0]:.3f}"
)
print("VIF", inference.vif.round(2))
