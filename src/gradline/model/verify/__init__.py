"""`gradline verify`: what a model claims, derived anew from the rows by arithmetic of its own."""
