# Down the slope of (w − 2)².
def slope(w):  # of the loss (w − 2)²
    return 2 * (w - 2)


w = 10.0
for step in range(4):
    print(f"step {step}: w {w:.2f}, loss {(w - 2) ** 2:.2f}")
    w -= 0.3 * slope(w)
