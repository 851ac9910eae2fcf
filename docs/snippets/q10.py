# Random weights and one region.
import torch

region, apples = torch.tensor([73.0, 67.0, 43.0]), 56.0

for seed in range(3):
    torch.manual_seed(seed)
    guess = (torch.randn(3) @ region).item()
    print(f"seed {seed}: apples {guess:6.1f}, the target {apples}")
