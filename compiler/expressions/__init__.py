"""Expression trees of the compiler: rewriting them, and as people read them."""
