"""How a flow is written: items, the graph that they form, and the references between them."""
