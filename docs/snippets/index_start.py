# The tutorials' training, judged; and the optimum.
import gradline

targets = ["apples", "oranges"]
descent = gradline.GradientDescent(lr=1e-5, epochs=100)

trained = gradline.fit("example:crops", targets, solver=descent)
print(trained.certificate.status, f"{trained.certificate.gap:.1f}")

optimum = gradline.fit("example:crops", targets)
print(optimum.certificate.status, optimum.weight.round(2).tolist())
