extension String {
    /// The text with each NUL replaced by U+FFFD: PostgreSQL's text type has no NUL (its manual, section 8.3).
    package var withoutNUL: String {
        utf8.contains(0) ? replacing("\0", with: "\u{FFFD}") : self
    }
}
