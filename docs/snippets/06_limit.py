# Small batches need smaller rates.
import warnings

import gradline

targets = ["apples", "oranges"]
moments = gradline.Moments.of("example:crops", targets)
whole = gradline.Trajectory(moments, lr=1e-5)
print(f"all 15 rows at once: lr below {whole.lr_limit:.1e}")

for lr in (5e-5, 1e-4):
    solver = gradline.SGD(lr=lr, epochs=100, batch_size=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = gradline.fit("example:crops", targets, solver=solver)
    print(f"one row at a time, lr {lr:.0e}: loss {model.certificate.loss:.1f}")
    for warning in caught:
        if warning.message.code == "rate-above-noise-limit":
            print("  " + str(warning.message).split(":")[0])
