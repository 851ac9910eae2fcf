# Engel's households: refused, then standardised.
import gradline

try:
    gradline.fit(
        "example:engel",
        "food",
        solver=gradline.GradientDescent(lr=0.01, epochs=100),
    )
except gradline.GradlineError as error:
    print(str(error).split(":")[0])

moments = gradline.Moments.of("example:engel", "food")
path = gradline.Trajectory(moments, lr=8e-7)
print(f"raw, the last weight needs {path.epochs_to_weights():.1e} epochs")

descent = gradline.GradientDescent(lr="auto", epochs=100)
model = gradline.fit("example:engel", "food", solver=descent)
print(model.certificate.status, model.scale)
print(f"of a further franc {model.weight[0, 0]:.2f} goes into food")
