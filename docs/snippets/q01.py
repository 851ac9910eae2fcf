# A linear model: a weight for each input, and a bias.
def apples(temp, rainfall, humidity):
    return -0.42 * temp + 0.84 * rainfall + 0.68 * humidity + 2.21


print(f"{apples(75, 63, 44):.1f} tons per hectare")
