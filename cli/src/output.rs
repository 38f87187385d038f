//! What a command prints for scripts.

use serde::Serialize;

/// Prints one JSON object as a line.
pub fn print_json(value: &impl Serialize) {
    println!("{}", serde_json::to_string(value).expect("a summary is plain data"));
}
