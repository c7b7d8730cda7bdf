//! What is made of a text.
