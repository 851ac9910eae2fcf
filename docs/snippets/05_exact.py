# The training judged, and the answer it was heading for.
import gradline

targets = ["apples", "oranges"]
region = {"temp": [75], "rainfall": [63], "humidity": [44]}

descent = gradline.GradientDescent(lr=1e-5, epochs=100)
trained = gradline.fit("example:crops", targets, solver=descent)
exact = gradline.fit("example:crops", targets)

for model in (trained, exact):
    apples, oranges = model.predict(region)[0]
    certificate = model.certificate
    print(f"{certificate.status}: loss {certificate.loss:.2f}", end=", ")
    print(f"{certificate.gap:.1f} above the optimum")
    print(f"  a new region: apples {apples:.1f}, oranges {oranges:.1f}")

print(exact.weight.round(2), exact.bias.round(1))
