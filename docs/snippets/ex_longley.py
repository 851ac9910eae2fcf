# Longley's years: columns that say nearly the same.
import gradline

moments = gradline.Moments.of("example:longley", "employed")
limit = gradline.Trajectory(moments, lr=1e-20).lr_limit
raw = gradline.Trajectory(moments, lr=limit / 2)
print(f"raw, at half the limit: {raw.epochs_to_weights():.0e} epochs")

descent = gradline.GradientDescent(lr="auto", epochs=1000)
model = gradline.fit("example:longley", "employed", solver=descent)
print(f"standardised, 1,000 epochs: {model.certificate.status}")

exact = gradline.fit("example:longley", "employed")
for name, vif in zip(exact.features, exact.inference.vif, strict=True):
    print(f"{name:<10} VIF {vif:7.0f}")
