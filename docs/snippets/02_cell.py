# The first row of the predictions, by hand, beside what that region yielded.
temp, rainfall, humidity = 73, 67, 43

apples = 1.0522 * temp - 1.1931 * rainfall + 0.3418 * humidity + 2.2341
oranges = 0.5824 * temp + 0.0763 * rainfall - 1.6385 * humidity - 1.7922

print(f"apples  {apples:5.1f}, yielded 56")
print(f"oranges {oranges:5.1f}, yielded 70")
