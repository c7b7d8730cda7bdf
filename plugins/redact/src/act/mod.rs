//! What is made of a text that not everybody may see. All of it is pure: a text in, a text out.

pub mod mask;
pub mod token;
pub mod truncate;
