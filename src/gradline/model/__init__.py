"""What a fit is and claims: the model, its certificate, and the one orchestration that makes both."""
