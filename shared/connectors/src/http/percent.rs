//! Percent-encoding of values that stand in addresses.

/// Percent-encodes everything but RFC 3986's unreserved characters, so that a value stays one
/// segment of a path or one value of a query.
pub(crate) fn encode_segment(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
