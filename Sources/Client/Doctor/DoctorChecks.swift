import PodlingTLS

/// What TLS itself shows: one handshake that checks nothing, to see what is there, and one that checks all.
struct DoctorChecks: Sendable {
    let client: TLSClientConfiguration
    let host: String
    /// One handshake.
    let dial: @Sendable (TLSContext) async throws -> TLSHandshakeDone?

    /// - Returns: up to the first that is broken.
    func findings() async -> [DoctorFinding] {
        let (first, done) = await unchecked()
        guard let done else { return [first] }
        var findings = [first]
        let context: TLSContext
        do throws(TLSError) {
            context = try TLSContext(client: client)
        } catch {
            return findings + [DoctorFinding(step(ofFile: error), .broken, error)]
        }
        let failure = await refusal(context)
        if let failure, failure.step == .tls || failure.step == .applicationProtocol { return findings + [failure] }
        for finding in certificate(done.peerCertificate) {
            if let failure, failure.step == finding.step { return findings + [failure] }
            findings.append(finding)
        }
        if let failure, failure.step == .revocation { return findings + [keyMatch(context), failure] }
        findings += [keyMatch(context), revocation]
        findings.append(DoctorFinding(.applicationProtocol, .good, "podling/1"))
        return findings
    }

    /// Whether there is TLS at all; a server that lets in certificates only says so here, before 1.3.
    private func unchecked() async -> (DoctorFinding, TLSHandshakeDone?) {
        var bare = TLSClientConfiguration()
        bare.mode = .require
        bare.minimumVersion = client.minimumVersion
        bare.sendsServerName = client.sendsServerName
        bare.certificateFile = client.certificateFile
        bare.keyFile = client.keyFile
        do {
            // A certificate that is not good is told later, under its own name.
            let context: TLSContext
            do { context = try TLSContext(client: bare) } catch {
                (bare.certificateFile, bare.keyFile) = (nil, nil)
                context = try TLSContext(client: bare)
            }
            guard let done = try await dial(context) else {
                return (DoctorFinding(.tls, .broken, "no handshake"), nil)
            }
            return (DoctorFinding(.tls, .good, done.version), done)
        } catch let error as TLSError {
            return (DoctorFinding(isAboutProtocol(error) ? .applicationProtocol : .tls, .broken, error), nil)
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

    /// What the server's certificate shows, and whether anybody checks it.
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

    /// Under which name a fault of this side's own files is told.
    private func step(ofFile error: TLSError) -> DoctorFinding.Step {
        if error.message.hasPrefix("sslcert") || error.message.hasPrefix("sslkey") { return .keyMatch }
        return error.message.hasPrefix("sslcrl") ? .revocation : .chain
    }

    private func date(_ seconds: Int?) -> String {
        seconds.map { CertificateFacts.utc($0) } ?? "a date nobody can read"
    }
}

extension DoctorFinding {
    init(_ step: Step, _ verdict: Verdict, _ error: TLSError) {
        self.init(step, verdict, error.message, cure: error.cure)
    }
}
