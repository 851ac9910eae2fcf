"""What a loop really did, from the losses that it printed."""
