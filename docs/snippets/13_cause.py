# Ice cream does not drown anybody: both follow the heat.
import gradline
import numpy as np

random = np.random.default_rng(0)
heat = random.normal(20, 8, size=300)
ice = 5 * heat + random.normal(0, 20, size=300)
drowned = 0.2 * heat + random.normal(size=300)  # ice cream plays no part

for columns in ({"ice": ice}, {"ice": ice, "heat": heat}):
    model = gradline.fit({**columns, "drowned": drowned}, "drowned")
    p = model.inference.p_value.weight[0, 0]
    print(
        f"from {' and '.join(columns)}: weight of ice {model.weight[0, 0]:.3f},"
        f" p {p:.1g}, R² {model.inference.r2[0]:.2f}"
    )
