//! Rewrites JSON as it passes, piece by piece, as changes to the bytes that came.
