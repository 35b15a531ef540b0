internal import PodlingTLS

/// TLS diagnosis by two handshakes: one that verifies nothing, to see what is there, and one that verifies everything.
struct DoctorChecks: Sendable {
    let client: TLSClientConfiguration
    let host: String
    var applicationProtocol = ApplicationProtocol.podling
    /// Whether the common name counts where a certificate has no subjectAltName, as with libpq.
    var takesCommonName = false
    /// Connects and makes one handshake.
    let dial: @Sendable (TLSContext) async throws -> TLSHandshakeDone?

    /// - Returns: findings up to the first that is broken.
    func findings() async -> [DoctorFinding] {
        let (first, done) = await unchecked()
        guard let done else { return [first] }
        var findings = [first]
        let context: TLSContext
        do throws(TLSError) {
            context = try TLSContext(client: client, speaking: applicationProtocol)
        } catch {
            return findings + [DoctorFinding(step(ofFile: error), .broken, error)]
        }
        var failure = await refusal(context)
        var isNamedOtherwise = false
        if takesCommonName, failure?.step == .subjectNames, done.peerCertificate?.commonNameAlone == host.lowercased() {
            var lesser = client
            lesser.mode = .verifyCA
            guard let context = try? TLSContext(client: lesser, speaking: applicationProtocol) else { return findings }
            failure = await refusal(context)
            isNamedOtherwise = true
        }
        if let failure, failure.step == .tls || failure.step == .applicationProtocol { return findings + [failure] }
        for var finding in certificate(done.peerCertificate) {
            if isNamedOtherwise, finding.step == .subjectNames {
                let text = "it is for '\(host)' by its common name only, which libpq takes; better is subjectAltName"
                finding = DoctorFinding(.subjectNames, .good, text)
            }
            if let failure, failure.step == finding.step { return findings + [failure] }
            findings.append(finding)
        }
        if let failure, failure.step == .revocation { return findings + [keyMatch(context), failure] }
        findings += [keyMatch(context), revocation]
        findings.append(DoctorFinding(.applicationProtocol, .good, applicationProtocol.rawValue))
        return findings
    }

    /// Checks whether there is TLS at all; before TLS 1.3, a server that requires a client certificate rejects only
    /// here.
    private func unchecked() async -> (DoctorFinding, TLSHandshakeDone?) {
        var bare = TLSClientConfiguration()
        bare.mode = .require
        bare.minimumVersion = client.minimumVersion
        bare.sendsServerName = client.sendsServerName
        bare.certificateFile = client.certificateFile
        bare.keyFile = client.keyFile
        do {
            // An invalid certificate of this side is reported later, as a step of its own.
            let context: TLSContext
            do { context = try TLSContext(client: bare, speaking: applicationProtocol) } catch {
                (bare.certificateFile, bare.keyFile) = (nil, nil)
                context = try TLSContext(client: bare, speaking: applicationProtocol)
            }
            guard let done = try await dial(context) else {
                return (DoctorFinding(.tls, .broken, "no handshake"), nil)
            }
            return (DoctorFinding(.tls, .good, done.version), done)
        } catch let error as TLSError {
            return (DoctorFinding(isAboutProtocol(error) ? .applicationProtocol : .tls, .broken, error), nil)
        } catch let refusal as DoctorDial.Refusal {
            return (DoctorFinding(.tls, .broken, refusal.text, cure: refusal.cure), nil)
        } catch {
            return (DoctorFinding(.tls, .broken, "\(error)"), nil)
        }
    }

    private func refusal(_ context: TLSContext) async -> DoctorFinding? {
        do {
            _ = try await dial(context)
            return nil
        } catch let error as TLSError {
            let step: DoctorFinding.Step =
                switch error.flaw {
                case .chain: .chain
                case .name: .subjectNames
                case .dates: .dates
                case .revocation: .revocation
                case nil: isAboutProtocol(error) ? .applicationProtocol : .tls
                }
            return DoctorFinding(step, .broken, error)
        } catch {
            return DoctorFinding(.tls, .broken, "\(error)")
        }
    }

    private func isAboutProtocol(_ error: TLSError) -> Bool {
        let noApplicationProtocol = TLSAlert(120)
        return error.kind == .alert(noApplicationProtocol) || error.kind == .handshake && error.message.contains("ALPN")
    }

    /// Reports on the server's certificate, and on whether any client verifies it.
    private func certificate(_ facts: CertificateFacts?) -> [DoctorFinding] {
        guard let facts else { return [DoctorFinding(.chain, .skipped, "the server has shown no certificate")] }
        let issuer = "'\(facts.subject)', issued by '\(facts.issuer)'"
        let dates = "from \(date(facts.notBefore)) to \(date(facts.notAfter))"
        let unchecked = "is not checked: sslmode=\(client.mode.rawValue)"
        switch client.mode {
        case .disable, .require:
            return [
                DoctorFinding(.chain, .skipped, "\(unchecked); it is \(issuer)"),
                DoctorFinding(.subjectNames, .skipped, "\(unchecked); it is for \(facts.namesListed)"),
                DoctorFinding(.dates, .skipped, "\(unchecked); it holds \(dates)"),
            ]
        case .verifyCA, .verifyFull:
            let names =
                client.mode == .verifyFull
                ? DoctorFinding(.subjectNames, .good, "it is for '\(host)', being for \(facts.namesListed)")
                : DoctorFinding(.subjectNames, .skipped, "\(unchecked); it is for \(facts.namesListed)")
            return [DoctorFinding(.chain, .good, issuer), names, DoctorFinding(.dates, .good, dates)]
        }
    }

    private func keyMatch(_ context: TLSContext) -> DoctorFinding {
        guard let own = context.certificate else {
            return DoctorFinding(.keyMatch, .skipped, "this side has no certificate (sslcert, sslkey)")
        }
        return DoctorFinding(.keyMatch, .good, "sslkey is that of '\(own.subject)', \(own.namesListed)")
    }

    private var revocation: DoctorFinding {
        client.revocationFile == nil
            ? DoctorFinding(.revocation, .skipped, "no sslcrl is given")
            : DoctorFinding(.revocation, .good, "it is not revoked")
    }

    /// The step to which a fault of this side's own files belongs.
    private func step(ofFile error: TLSError) -> DoctorFinding.Step {
        if error.message.hasPrefix("sslcert") || error.message.hasPrefix("sslkey") { return .keyMatch }
        return error.message.hasPrefix("sslcrl") ? .revocation : .chain
    }

    private func date(_ seconds: Int?) -> String {
        seconds.map { CertificateFacts.utc($0) } ?? "a date nobody can read"
    }
}

extension CertificateFacts {
    /// The common name in lower case; nil where there are subjectAltNames, which have precedence.
    fileprivate var commonNameAlone: String? {
        let hasNames = names.contains { if case .uri = $0 { false } else { true } }
        guard !hasNames else { return nil }
        return subject.split(separator: ",").first { $0.hasPrefix("CN=") }.map { $0.dropFirst(3).lowercased() }
    }
}

extension DoctorFinding {
    init(_ step: Step, _ verdict: Verdict, _ error: TLSError) {
        self.init(step, verdict, error.message, cure: error.cure)
    }
}
