internal import PodlingTLS

extension ConnectionSettings {
    /// The scheme of a master's URL decides on TLS.
    enum Scheme: Sendable {
        /// `HOST:PORT`: TLS where `sslmode` asks for it.
        case none
        /// `podling://`
        case plaintext
        /// `podlings://`
        case tls
    }

    /// Validates the settings together, and converts them.
    ///
    /// - Returns: nil for plaintext.
    /// - Throws: a text that names the setting at fault and the remedy.
    func security(_ scheme: Scheme) throws(SettingFault) -> TLSClientConfiguration? {
        var client = TLSClientConfiguration()
        let mode = self[.mode]
        if let mode { client.mode = try mode.read { text throws(TLSError) in try TLSMode(named: text) } }
        switch scheme {
        case .tls where client.mode == .disable:
            throw SettingFault(
                "podlings:// means TLS, but \(mode?.title ?? "") is disable: use podling://, or leave it out"
            )
        case .plaintext where mode != nil && client.mode != .disable:
            throw SettingFault(
                "podling:// means plaintext, but \(mode?.title ?? "") is \(client.mode.rawValue): use podlings://"
            )
        case .none where mode != nil && client.mode != .disable, .tls: break
        case .none, .plaintext:
            try refuseUnused()
            return nil
        }
        client.roots = try self[.roots].map { roots throws(SettingFault) in
            try roots.path() == "system" ? .system : .file(roots.text)
        }
        client.certificateFile = try self[.certificate]?.path()
        client.keyFile = try self[.key]?.path()
        client.revocationFile = try self[.revocationLists]?.path()
        if let version = self[.minimumVersion] {
            client.minimumVersion = try version.read { text throws(TLSError) in
                try TLSVersion(named: text, setting: Name.minimumVersion.rawValue)
            }
        }
        if let flag = self[.serverName] {
            guard flag.text == "0" || flag.text == "1" else {
                throw SettingFault("\(flag.title) must be 0 or 1, not '\(flag.text)'")
            }
            client.sendsServerName = flag.text == "1"
        }
        return client
    }

    /// Rejects settings without effect that were given explicitly; those of the environment apply to all masters, and
    /// may be unused.
    private func refuseUnused() throws(SettingFault) {
        for name in Name.allCases where name != .mode && name != .hostAddress {
            guard let setting = self[name], setting.place != .environment else { continue }
            throw SettingFault("\(setting.title) is for TLS, and this is plaintext: use podlings://, or leave it out")
        }
    }
}

/// An invalid setting, which the description names.
struct SettingFault: Error, Equatable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension ConnectionSettings.Setting {
    func path() throws(SettingFault) -> String {
        guard !text.isEmpty else { throw SettingFault("\(title) has no value") }
        return text
    }

    fileprivate func read<Value>(_ body: (String) throws(TLSError) -> Value) throws(SettingFault) -> Value {
        do throws(TLSError) {
            return try body(text)
        } catch {
            // The error names the setting as libpq does; the user may have written a flag or a variable.
            let words = error.description.firstRange(of: ": ").map { error.description[$0.upperBound...] }
            throw SettingFault("\(title): \(words ?? error.description[...])")
        }
    }
}
