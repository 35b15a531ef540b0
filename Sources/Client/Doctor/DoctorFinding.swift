/// The finding of one step of `tls doctor`.
package struct DoctorFinding: Sendable, Equatable {
    /// The steps, in order.
    package enum Step: String, Sendable, CaseIterable {
        case name
        case address
        case tcp = "TCP"
        case tls = "TLS"
        case chain
        case subjectNames = "SAN"
        case dates
        case keyMatch = "key match"
        case revocation = "CRL"
        case applicationProtocol = "ALPN"
        case master
    }

    package enum Verdict: String, Sendable {
        case good = "ok"
        /// Not requested, or not possible here.
        case skipped = "--"
        case broken = "BROKEN"
    }

    package let step: Step
    package let verdict: Verdict
    /// A one-line description; not safe for a terminal as it is.
    package let text: String
    /// The remedy; nil where nothing is broken, or nothing better than the text is known.
    package let cure: String?

    init(_ step: Step, _ verdict: Verdict, _ text: String, cure: String? = nil) {
        self.step = step
        self.verdict = verdict
        self.text = text
        self.cure = cure
    }
}
