# The same derivatives by moving w and b a little.
def y(w, b, x=2.0):
    return w * x + b


nudge = 0.001
print(f"dy/dw = {(y(3 + nudge, 4) - y(3, 4)) / nudge:.3f}")
print(f"dy/db = {(y(3, 4 + nudge) - y(3, 4)) / nudge:.3f}")
