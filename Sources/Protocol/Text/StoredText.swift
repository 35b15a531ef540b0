extension String {
    /// The text as every store can keep it: PostgreSQL's has no NUL (its manual, section 8.3), so U+FFFD stands for one.
    public var withoutNUL: String {
        utf8.contains(0) ? replacing("\0", with: "\u{FFFD}") : self
    }
}
